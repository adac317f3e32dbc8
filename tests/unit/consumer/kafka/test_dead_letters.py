"""Dead letters and back; the contract test has the way through a broker."""

from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.dead_letters import MAX_TEXT, DeadLetter, headers, original
from consumer.kafka.record import Record

names = st.text(max_size=20).filter(lambda name: not name.startswith("headwater."))
records = st.builds(
    Record,
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.integers(0, 9),
    st.integers(0, 2**62),
    st.none() | st.binary(max_size=9),
    st.none() | st.binary(max_size=9),
    st.integers(0, 2**42),
    st.lists(st.tuples(names, st.binary(max_size=9)), max_size=3).map(tuple),
)


@given(records, st.text(st.characters(codec="utf-8"), max_size=50), st.text(st.characters(codec="utf-8"), max_size=50))
def test_reading_back_gives_what_was_rejected(record: Record, reason: str, path: str) -> None:
    """Whatever the record: key, value, headers, place and reason come back."""
    letter = DeadLetter(record, reason, path)
    kept = Record("dead", 0, 7, record.key, record.value, 1, headers(letter))
    assert original(kept) == letter


def test_reason_is_always_writable() -> None:
    """A reason is cut to what a broker takes, and half a character in it does no harm."""
    found = dict(headers(DeadLetter(Record("t", 0, 0, None, b"", 0), "\ud800" + "x" * 9999)))
    assert found["headwater.reason"].startswith(b"\\ud800x")
    assert len(found["headwater.reason"]) <= MAX_TEXT + 5


def test_foreign_record_is_its_own_origin() -> None:
    """What was put into the topic by hand can be listed too."""
    record = Record("dead", 1, 2, None, b"x", 3, (("headwater.offset", b"many"),))
    letter = original(record)
    assert (letter.record.topic, letter.record.partition, letter.record.offset) == ("dead", 1, 2)
    assert letter.reason == "no reason is recorded"
