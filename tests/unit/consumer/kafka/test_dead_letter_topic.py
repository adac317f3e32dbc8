"""Dead letters and back; the contract test has the way through a broker."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.dead_letter_topic import (
    MAX_TEXT,
    TopicDeadLetters,
    dead_letter_headers,
    parse_dead_letter,
    truncate,
)
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import Outgoing, TooLargeError
from consumer.processing.record import TRUNCATED_BYTES, Record, Truncation
from schemas.strict_json import MAX_BYTES

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
    kept = Record("dead", 0, 7, record.key, record.value, 1, dead_letter_headers(letter))
    assert parse_dead_letter(kept) == letter


def test_reason_is_always_writable() -> None:
    """A reason is cut to what a broker takes, and half a character in it does no harm."""
    found = dict(dead_letter_headers(DeadLetter(Record("t", 0, 0, None, b"", 0), "\ud800" + "x" * 9999)))
    assert found["headwater.reason"].startswith(b"\\ud800x")
    assert len(found["headwater.reason"]) <= MAX_TEXT + 5


def test_foreign_record_is_its_own_origin() -> None:
    """What was put into the topic by hand can be listed too."""
    record = Record("dead", 1, 2, None, b"x", 3, (("headwater.offset", b"many"),))
    letter = parse_dead_letter(record)
    assert (letter.record.topic, letter.record.partition, letter.record.offset) == ("dead", 1, 2)
    assert letter.reason == "no reason is recorded"


class Narrow:
    """A topic that takes records of so many bytes, with their headers."""

    def __init__(self, most: int) -> None:
        self.kept: list[Outgoing] = []
        self._most = most

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Keeps those that are small enough."""
        sizes = [
            len(key or b"") + len(value or b"") + sum(len(name) + len(data) for name, data in headers)
            for key, value, headers in records
        ]
        self.kept += [record for record, size in zip(records, sizes, strict=True) if size <= self._most]
        if refused := [number for number, size in enumerate(sizes) if size > self._most]:
            raise TooLargeError(topic, refused)

    def close(self) -> None:
        """Has nothing to give back."""


def read_back(record: Outgoing) -> DeadLetter:
    """The letter that a reader of the topic finds."""
    key, value, headers = record
    return parse_dead_letter(Record("dead", 0, 7, key, value, 1, headers))


@pytest.mark.parametrize(("most", "kept"), [(100_000, TRUNCATED_BYTES), (20_000, 4_096), (1_000, 0)])
def test_a_letter_that_is_refused_for_its_size(most: int, kept: int) -> None:
    """As much of it is kept as the topic takes, with its length and its hash; the letters beside it are kept whole."""
    value = bytes(range(256)) * 4_000
    large = DeadLetter(Record("t", 0, 5, b"key", value, 3, (("own", b"x" * 50),)), "no" * 900, "$.a")
    small = DeadLetter(Record("t", 0, 6, None, b"{", 3), "no JSON")
    topic = Narrow(most)
    TopicDeadLetters(topic, "dead").write([large, small])
    assert read_back(topic.kept[0]) == small
    found = read_back(topic.kept[1])
    assert (found.record.value, found.record.truncation) == (
        value[:kept],
        Truncation(len(value), sha256(value).hexdigest()),
    )
    assert (found.record.offset, found.reason.startswith("nono")) == (5, True)


def test_a_topic_that_takes_no_reason() -> None:
    """It is said to be too narrow, as nothing can be kept in it."""
    with pytest.raises(TooLargeError, match=r"raise its max\.message\.bytes"):
        TopicDeadLetters(Narrow(100), "dead").write([DeadLetter(Record("t", 0, 5, b"k", b"x" * 500, 3), "no")])


def test_what_is_longer_than_an_event_may_be_is_cut() -> None:
    """Even where the topic would take it: it can never go back."""
    topic, value = Narrow(1 << 30), b"x" * (MAX_BYTES + 1)
    TopicDeadLetters(topic, "dead").write([DeadLetter(Record("t", 0, 5, b"k", value, 3), "too long")])
    (found,) = map(read_back, topic.kept)
    assert (len(found.record.value or b""), found.record.truncation) == (TRUNCATED_BYTES, Truncation.of(value))


def test_key_and_headers_are_cut_where_they_are_what_is_large() -> None:
    """A letter has room for its reason whatever its record had beside its value."""
    record = Record("t", 0, 5, b"k" * 900_000, b"x" * 10, 3, (("own", b"y" * 900_000),))
    short = truncate(DeadLetter(record, "no")).record
    assert (len(short.key or b""), short.headers, short.value) == (100, (), b"x" * 10)
