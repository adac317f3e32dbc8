"""The loop: write, then dead letters, then commit; and what it does when one of them fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import RetriesExhausted, TransientError, UsageError
from consumer.processing.batch import TOMBSTONE
from consumer.processing.processor import PAUSED_HEARTBEAT_S
from consumer.processing.record import Record
from tests.support.brokers.loop_harness import DOWN, P0, P1, Held, Outcome, World, record


def test_commits_after_the_write() -> None:
    """One call of the sink with the batch's events, then the commit, then it leaves."""
    world = World([record(0, b"a"), record(1, b"b")])
    world.run()
    assert world.did == [("write", [b"a", b"b"]), ("commit", {P0: 2}), ("leave", None)]


def test_rejected_is_a_dead_letter_before_the_commit() -> None:
    """A bad record costs itself only, and is kept with its reason before its offset moves on."""
    world = World([record(0, b"a"), record(1, b"!"), record(2, None)])
    world.run()
    assert world.did == [
        ("write", [b"a"]),
        ("letters", [(1, "$.job", "no job"), (2, "$", TOMBSTONE)]),
        ("commit", {P0: 3}),
        ("leave", None),
    ]
    assert [(r.records, r.events, r.rejected, r.size) for r in world.reports] == [(3, 1, 2, 2)]


def test_only_bad_records_do_not_bother_the_sink() -> None:
    """A batch without events is not written."""
    world = World([record(0, b"!")])
    world.run()
    assert world.all("write") == []
    assert world.all("commit") == [{P0: 1}]


def test_sink_is_tried_again() -> None:
    """The offset stays until the sink is back; each try takes smaller portions, in case it is the size that fails."""
    world = World([record(0, b"a"), record(1, b"b"), record(2, b"c")], writes=[DOWN, DOWN])
    world.run()
    assert world.all("write") == [[b"a", b"b", b"c"], [b"a"], [b"a"], [b"b"], [b"c"]]
    assert world.all("commit") == [{P0: 3}]
    assert world.failures == ["writing: down"] * 2


def test_reading_goes_on_while_a_batch_is_written() -> None:
    """The next batch fills meanwhile, but not beyond its bounds, and is written after the first."""
    executor = Held()
    world = World([record(0, b"a"), record(1, b"b"), record(2, b"c")], [record(3, b"d")], [])
    polls: list[int] = []

    def note() -> None:
        polls.append(len(executor.held))
        if len(polls) == 3:
            assert world.did == [], "something was written or committed too early"
            executor.release()

    world.on_poll = note
    world.run(executor)
    assert polls[:3] == [0, 1, 1], "reading stopped while the first batch was on its way"
    assert world.all("write") == [[b"a", b"b", b"c"], [b"d"]]
    assert world.all("commit") == [{P0: 3}, {P0: 4}]


def test_membership_is_kept_while_no_more_is_taken() -> None:
    """With one batch on its way and the next one full, heartbeats go on, no poll does, and nothing is lost."""
    executor = Held()
    world = World(
        [record(0, b"a"), record(1, b"b"), record(2, b"c")], [record(3, b"d"), record(4, b"e"), record(5, b"f")]
    )
    polls: list[None] = []

    def full() -> None:
        polls.append(None)
        if len(polls) == 2:
            world.clock_step = PAUSED_HEARTBEAT_S

    world.on_poll = full
    world.on_heartbeat = executor.release
    world.run(executor)
    assert [kind for kind, _ in world.did] == ["heartbeat", "write", "commit", "write", "commit", "leave"]


def test_lost_dead_letter_blocks_the_commit() -> None:
    """A record whose dead letter is not kept is not committed, and what is written is not written again."""
    world = World([record(0, b"a"), record(1, b"!"), record(2, b"b")], letters=[DOWN])
    world.run()
    assert [kind for kind, _ in world.did if kind != "heartbeat"] == [
        "write",
        "letters fails",
        "letters",
        "commit",
        "leave",
    ]


def test_failed_commit_is_tried_again_alone() -> None:
    """A commit that fails in a rebalance does not write anything twice."""
    world = World([record(0), record(1), record(2)], [], commits=[TransientError("rebalance")])
    world.run()
    assert len(world.all("write")) == 1
    assert world.all("commit") == [{P0: 3}, {P0: 3}]


def test_heartbeat_may_fail_too() -> None:
    """While the broker is away as well, the loop still waits and tries."""
    world = World([record(0), record(1), record(2)], [], commits=[DOWN])

    def fail_once() -> None:
        world.on_heartbeat = lambda: None
        raise TransientError("away")

    world.on_heartbeat = fail_once
    world.run()
    assert world.all("commit") == [{P0: 3}, {P0: 3}]


def test_revoked_while_written_is_not_committed() -> None:
    """What a rebalance takes while it is being written is written to the end, which does no harm, and not committed."""
    executor = Held()
    world = World([record(0, b"a"), record(0, b"b", P1), record(1, b"!", P1)], ({P1}, []))
    world.on_poll = lambda: executor.release() if not world.polls else None
    world.run(executor)
    assert world.all("write") == [[b"a", b"b"]]
    assert world.all("commit") == [{P0: 1}]


def test_revoked_while_written_and_given_back_is_written_anew() -> None:
    """The same offsets may be other records by then: what was on its way says nothing of them."""
    executor = Held()
    world = World([record(0, b"a"), record(1, b"b"), record(2, b"c")], ({P0}, [record(0, b"x")]), [])
    world.on_poll = lambda: executor.release() if len(world.polls) == 1 else None
    world.run(executor)
    assert world.did == [
        ("write", [b"a", b"b", b"c"]),
        ("write", [b"x"]),
        ("commit", {P0: 1}),
        ("leave", None),
    ], "a record was committed before it was written"


def test_revoked_while_polling_is_dropped() -> None:
    """What a rebalance takes before the batch is full is left to the new owner; what the same poll gives is not."""
    world = World([record(0, b"a"), record(0, b"b", P1)], ({P0}, [record(1, b"c", P1)]))
    world.run()
    assert world.all("write") == [[b"b", b"c"]]
    assert world.all("commit") == [{P1: 2}]


def test_revoked_and_given_back_is_taken_anew() -> None:
    """A partition that goes and comes within one poll begins again at what is committed, and nothing is left out."""
    world = World([record(0, b"a"), record(1, b"b")], ({P0}, [record(0, b"a"), record(1, b"b"), record(2, b"c")]))
    world.run(max_records=9)
    assert world.all("write") == [[b"a", b"b", b"c"]]
    assert world.all("commit") == [{P0: 3}]


def test_revoked_after_the_write_is_not_committed() -> None:
    """A partition that goes between write and commit is the new owner's to commit."""
    world = World([record(0), record(1), record(2)], [], commits=[TransientError("rebalance")])
    world.on_heartbeat = lambda: world.on_revoked({P0})
    world.run()
    assert len(world.all("commit")) == 1, "the second try has nothing to commit"


def test_batches_by_count() -> None:
    """A batch is written when it has as many records as are allowed."""
    world = World([record(0), record(1)], [record(2)], [record(3)])
    world.run()
    assert [len(events) for events in world.all("write")] == [3, 1]


def test_batches_by_bytes() -> None:
    """A batch is written when it is as large as is allowed, also within one poll."""
    world = World([record(0, b"12345"), record(1, b"12345"), record(2, b"1")])
    world.run(max_bytes=8)
    assert world.all("write") == [[b"12345", b"12345"], [b"1"]]


def test_batches_by_age() -> None:
    """A batch is written when its first record has waited as long as is allowed."""
    world = World([record(0)], [], [record(1)], [], poll_s=0.3)
    world.run(max_age_s=0.5)
    assert [len(events) for events in world.all("write")] == [2]
    assert world.reports[0].seconds == pytest.approx(0.9), (
        "it waits for 0.5 s, polls take 0.3 s, and one goes on meanwhile"
    )


class TestInFlight:
    """Several batches that are written at once."""

    def test_they_are_committed_in_order(self) -> None:
        """Whichever is written first: nothing is committed behind a batch that is not written."""
        world, executor = World([record(0, b"a")], [record(1, b"b")], [record(2, b"c")], [], [], []), Held()
        polls: list[None] = []

        def step() -> None:
            polls.append(None)
            if len(polls) == 4:
                executor.release_one(2)
            elif len(polls) > 4:
                executor.release()

        world.on_poll = step
        world.run(executor, max_records=1, in_flight=3)
        assert world.all("write") == [[b"c"], [b"a"], [b"b"]]
        assert world.all("commit")[-1] == {P0: 3}
        assert [committed for committed in world.all("commit") if committed[P0] < 3] == [], "c was committed alone"
        assert [report.records for report in world.reports] == [1, 1, 1]

    def test_no_more_than_are_allowed(self) -> None:
        """As many as are allowed are on their way, and the next one fills meanwhile."""
        world, executor = World(*([record(number)] for number in range(5)), []), Held()
        seen: list[int] = []

        def note() -> None:
            seen.append(len(executor.held))
            if len(seen) == 4:
                executor.release()

        world.on_poll = note
        world.on_heartbeat = executor.release
        world.clock_step = PAUSED_HEARTBEAT_S
        world.run(executor, max_records=1, in_flight=2)
        assert max(seen) == 2
        assert world.all("commit")[-1] == {P0: 5}

    def test_large_ones_go_one_by_one(self) -> None:
        """Beside a batch of the greatest weight no other one is written, so that memory does not hold several."""
        large = b"x" * 400
        world, executor = World(*([record(number, large)] for number in range(4)), [], []), Held()
        seen: list[int] = []

        def note() -> None:
            seen.append(len(executor.held))
            if len(seen) == 4:
                executor.release()

        world.on_poll = note
        world.on_heartbeat = executor.release
        world.clock_step = PAUSED_HEARTBEAT_S
        world.run(executor, max_records=1, max_bytes=100, in_flight=4)
        assert max(seen) == 1
        assert world.all("commit")[-1] == {P0: 4}

    def test_what_is_revoked_is_not_committed(self) -> None:
        """A rebalance voids what is on its way of a partition, in each batch."""
        executor = Held()
        world = World([record(0, b"a"), record(0, b"b", P1)], [record(1, b"c"), record(1, b"d", P1)], ({P1}, []))
        world.on_poll = lambda: executor.release() if not world.polls else None
        world.run(executor, max_records=2, in_flight=2)
        assert world.all("write") == [[b"a", b"b"], [b"c", b"d"]]
        assert world.all("commit") == [{P0: 2}]

    def test_one_that_fails_at_the_end_holds_back_the_others(self) -> None:
        """A batch that is written behind one that is not written when it is time to go comes again."""
        world, executor = World([record(0, b"a")], [record(1, b"b")], writes=[DOWN]), Held()

        def stop() -> None:
            if not world.polls:
                world.stop.set()
                executor.release()

        world.on_poll = stop
        world.run(executor, max_records=1, in_flight=2)
        assert world.all("write") == [[b"a"], [b"b"]]
        assert world.all("commit") == []
        assert world.did[-1] == ("leave", None)


def test_stop_finishes_what_is_in_hand() -> None:
    """A request to stop writes and commits the batch that is being filled."""
    world = World([record(0, b"a")])
    world.run(max_age_s=60.0)
    assert world.did == [("write", [b"a"]), ("commit", {P0: 1}), ("leave", None)]


def test_stop_does_not_wait_for_a_sink_that_is_down() -> None:
    """What can't be written when it is time to go stays uncommitted, and the group is left."""
    world = World([record(0), record(1), record(2)], writes=[DOWN] * 9)
    world.on_sleep = world.stop.set
    world.run()
    assert world.all("commit") == []
    assert world.did[-1] == ("leave", None)


def test_stop_tries_a_sink_that_is_down_no_further() -> None:
    """What waits behind a batch that can't be written when it is time to go is not tried: each try may take long."""
    world, held = World([record(0)], [record(1)], writes=[DOWN] * 9), Held()

    def stop() -> None:
        if len(world.polls) == 1:
            world.stop.set()
            held.release()

    world.on_poll = stop
    world.run(held, max_records=1)
    assert world.all("write") == [[b"x"]]
    assert world.all("commit") == []
    assert world.did[-1] == ("leave", None)


def test_gives_up_when_told_to() -> None:
    """With a limit, failing for longer ends the service with the last error in words."""
    world = World([record(0), record(1), record(2)], writes=[DOWN] * 99)
    with pytest.raises(RetriesExhausted, match=r"writing failed for 10 s.*down"):
        world.run(give_up_after_s=10.0)
    assert world.did[-1] == ("leave", None)


def test_settings_that_are_refused_end_it() -> None:
    """What no second try mends is not tried again; the group is left."""
    world = World(UsageError("no permission"))
    with pytest.raises(UsageError, match="no permission"):
        world.run()
    assert world.did == [("leave", None)]


@given(
    st.lists(st.lists(st.sampled_from([b"a", b"!", None]), max_size=3), max_size=6),
    st.lists(st.sampled_from([None, DOWN]), max_size=6),
    st.lists(st.sampled_from([None, DOWN]), max_size=6),
    st.lists(st.sampled_from([None, DOWN]), max_size=6),
)
def test_nothing_is_lost_whatever_fails(
    values: list[list[bytes | None]], writes: list[Outcome], letters: list[Outcome], commits: list[Outcome]
) -> None:
    """At each commit everything before the offset has been written or is a dead letter; in the end that is all."""
    rows: list[list[Record]] = []
    for row in values:
        begin = sum(len(earlier) for earlier in rows)
        rows.append(
            [record(begin + place, value and value + b"%d" % (begin + place)) for place, value in enumerate(row)]
        )
    # The empty polls let the last batch come of age before the stop, which would rightly leave undone what fails.
    world = World(*rows, [], [], writes=writes, letters=letters, commits=commits, poll_s=1.0)
    world.run(max_records=100, max_age_s=1.0)
    kept: set[int] = set()
    for what, detail in world.did:
        if what == "write":
            kept |= {int(event[1:]) for event in detail}
        elif what == "letters":
            kept |= {offset for offset, _, _ in detail}
        elif what == "commit":
            assert kept >= set(range(detail[P0])), f"{detail} was committed before all of it was kept"
    total = sum(len(row) for row in rows)
    assert [detail[P0] for detail in world.all("commit")][-1:] == [total][: bool(total)], "everything is committed"
