"""Back from the dead letters, without a broker: what is written, in which order, and what crashes leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from consumer.errors import TransientError
from consumer.kafka.dead_letter_topic import truncate
from consumer.kafka.offset_range import Position
from consumer.kafka.redrive import (
    MAX_BATCH,
    TRUNCATED,
    Redrive,
    StoredDeadLetter,
    redrive_marker,
    redriven_position,
    rejection_reason,
)
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import Outgoing, TooLargeError
from consumer.processing.record import Record

EVENT = (
    b'{"eventTime": "2026-01-02T00:00:00Z", "eventType": "START",'
    b' "run": {"runId": "r"}, "job": {"namespace": "n", "name": "j"}}'
)
DAY_S = 86_400.0
AFTER_MS = 1_767_312_000_000
"""2026-01-02T00:00:00Z."""


def letter(
    number: int, value: bytes | None = EVENT, topic: str = "events", *, has_origin: bool = True
) -> StoredDeadLetter:
    """A dead letter."""
    record = Record(topic, 0, number, b"key", value, 1, (("own", b"1"),))
    return StoredDeadLetter(Position(0, number), 5, DeadLetter(record, "why"), has_origin, redriven=False)


class Writes:
    """A producer that notes what it is given, and fails when its turn comes."""

    def __init__(self, fails_at: int = -1) -> None:
        self.done: list[tuple[str, int]] = []
        self._fails_at = fails_at

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Notes the topic and how many there were."""
        if len(self.done) == self._fails_at:
            raise TransientError("the broker is away")
        self.done.append((topic, len(records)))

    def close(self) -> None:
        """Has nothing to give back."""


def refused_none(letter: StoredDeadLetter, why: str) -> None:
    """Fails: nothing is too large."""
    raise AssertionError(f"{letter} was refused: {why}")


class Narrow(Writes):
    """A producer whose topics refuse one record of each call for its size."""

    def __init__(self, refused: int) -> None:
        super().__init__()
        self._refused = refused

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Takes all but one."""
        super().write(topic, records)
        if topic != "dead" and len(records) > self._refused:
            raise TooLargeError(topic, [self._refused])


def test_a_letter_that_its_topic_refuses_for_its_size() -> None:
    """It is refused with a reason; the others go back and are marked."""
    producer, done, refused = Narrow(1), list[StoredDeadLetter](), list[tuple[StoredDeadLetter, str]]()
    chosen = [letter(number) for number in range(3)]
    Redrive(producer, "dead", done.append, lambda *said: refused.append(said)).run(chosen)
    assert done == [chosen[0], chosen[2]]
    assert [(one, "max.message.bytes" in why) for one, why in refused] == [(chosen[1], True)]
    assert producer.done == [("events", 3), ("dead", 2)]


def test_a_letter_that_was_cut_never_goes_back() -> None:
    """Its record is not whole, so force does not help either."""
    whole = letter(1)
    short = replace(whole, dead_letter=truncate(whole.dead_letter, 10))
    assert rejection_reason(short, DAY_S, AFTER_MS) == TRUNCATED
    assert (whole.is_redrivable, short.is_redrivable) == (True, False)


def test_originals_first_and_then_their_marks() -> None:
    """A mark is only written once its letter's record is in its topic, in portions, to each topic its own."""
    producer, told = Writes(), list[StoredDeadLetter]()
    chosen = [letter(number, topic="events" if number % 2 else "others") for number in range(MAX_BATCH + 1)]
    Redrive(producer, "dead", told.append, refused_none).run(chosen)
    assert producer.done == [("others", 50), ("events", 50), ("dead", 100), ("others", 1), ("dead", 1)]
    assert told == chosen, "each is told of, in order"


@pytest.mark.parametrize("fails_at", [0, 1])
def test_what_fails_is_not_told_as_done(fails_at: int) -> None:
    """Whether the record or its mark can't be written: the letter is not done, and comes again."""
    producer, told = Writes(fails_at), list[StoredDeadLetter]()
    with pytest.raises(TransientError):
        Redrive(producer, "dead", told.append, refused_none).run([letter(1)])
    assert told == []


def test_marks() -> None:
    """A mark names its letter and has its key, so that it lies in its partition; others' headers mark nothing."""
    key, value, headers = redrive_marker(letter(7))
    assert (key, value) == (b"key", None)
    assert redriven_position(Record("dead", 0, 8, key, value, 1, headers)) == Position(0, 7)
    assert redriven_position(Record("dead", 0, 8, key, value, 1, (("headwater.redriven", b"x"),))) is None


@pytest.mark.parametrize(
    ("stands", "words"),
    [
        (letter(1), ""),
        (letter(1, b"{]"), "not valid JSON"),
        (letter(1, None), "tombstone"),
        (letter(1, has_origin=False), "do not name the original topic"),
        (letter(1, EVENT.replace(b"2026", b"2027")), "correct the producer's clock"),
    ],
)
def test_hindrances(stands: StoredDeadLetter, words: str) -> None:
    """What the service would reject now is known before it is written; a future that has come is none."""
    found = rejection_reason(stands, DAY_S, AFTER_MS)
    assert words in found, found
    assert bool(found) == bool(words), found
    assert rejection_reason(letter(1, EVENT.replace(b"2026", b"2027")), DAY_S, AFTER_MS + 366 * 86_400_000) == ""
