"""What may be committed."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.processing.offset_tracker import OffsetTracker
from consumer.processing.record import TopicPartition

P0, P1 = TopicPartition("events", 0), TopicPartition("events", 1)


def test_nothing_behind_an_open_one() -> None:
    """An offset that is done waits for the ones before it."""
    offsets = OffsetTracker()
    for offset in (5, 6, 9):
        offsets.track(P0, offset, 0.0)
    offsets.mark_done(P0, 6)
    offsets.mark_done(P0, 9)
    assert offsets.committable() == {}, "5 is not done"
    offsets.mark_done(P0, 5)
    assert offsets.committable() == {P0: 10}, "7 and 8 were never there, as after compaction"


def test_partitions_do_not_wait_for_each_other() -> None:
    """Each partition goes on by itself."""
    offsets = OffsetTracker()
    offsets.track(P0, 1, 0.0)
    offsets.track(P1, 7, 0.0)
    offsets.mark_done(P1, 7)
    assert offsets.committable() == {P1: 8}


def test_committed_is_over() -> None:
    """What is committed is due no more, and does not age."""
    offsets = OffsetTracker()
    offsets.track(P0, 1, 10.0)
    offsets.track(P0, 2, 20.0)
    assert offsets.oldest_uncommitted_age_s(25.0) == 15.0
    offsets.mark_done(P0, 1)
    offsets.committed(offsets.committable())
    assert offsets.committable() == {}
    assert offsets.oldest_uncommitted_age_s(25.0) == 5.0
    offsets.mark_done(P0, 2)
    offsets.committed(offsets.committable())
    assert offsets.oldest_uncommitted_age_s(25.0) == 0.0


def test_revoked_is_forgotten() -> None:
    """What another member owns is not committed here, even if it was done."""
    offsets = OffsetTracker()
    offsets.track(P0, 1, 0.0)
    offsets.mark_done(P0, 1)
    offsets.discard({P0, P1})
    offsets.mark_done(P0, 1)
    assert offsets.committable() == {}


@given(st.lists(st.integers(0, 30), unique=True, min_size=1).map(sorted), st.data())
def test_due_is_the_unbroken_row(taken: list[int], data: st.DataObject) -> None:
    """Whatever is done in whatever order: everything below what is due is done, and the next one is not."""
    done = data.draw(st.lists(st.sampled_from(taken), unique=True))
    offsets = OffsetTracker()
    for offset in taken:
        offsets.track(P0, offset, 0.0)
    for offset in done:
        offsets.mark_done(P0, offset)
    upto = offsets.committable().get(P0, taken[0])
    assert all(offset in done for offset in taken if offset < upto)
    assert next((offset for offset in taken if offset >= upto), None) not in done
