"""Back from the dead letters: a record whose hindrance is mended goes to its topic once more.

The dead-letter topic only grows, so that a letter was redriven is told by a further record in it: without a value, with
the letter's key and so beside it, and with its place in the header `headwater.redriven`. It is written once the topic
has the original. A crash between the two leaves a letter that waits though it was redriven; it is redriven again, which
changes no graph. The mark is younger than its letter, so retention never takes it before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from consumer.errors import RejectedRecord, UsageError
from consumer.kafka.dead_letter_topic import PREFIX, original
from consumer.kafka.offset_range import Bound, Position, Span
from consumer.kafka.topic_reader import Reader
from consumer.processing.batch import event_of
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import Outgoing, Producer, TooLargeError
from consumer.processing.record import Record
from schemas.decode import decode
from schemas.errors import RejectedEvent

REDRIVEN: Final = f"{PREFIX}redriven"

AT_ONCE: Final = 100
"""How many letters are written before their marks are, at most."""

LOST: Final = "only its first bytes are kept, as it was too large: have its producer send it again, in smaller parts"
"""Why a letter that was cut can't go back."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""How many bytes of letters are held for that, about."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter where it lies.

    Attributes:
        position: Its place in the dead-letter topic.
        rejected_ms: When it was written there, in milliseconds since 1970.
        content: What was rejected, and why.
        has_origin: Whether it tells which record it was; what others write into the topic does not.
        redriven: Whether it went back already.
    """

    position: Position
    rejected_ms: int
    content: DeadLetter
    has_origin: bool
    redriven: bool

    @property
    def can_go_back(self) -> bool:
        """True if the whole record is there, and its topic is known."""
        return self.has_origin and self.content.record.cut is None

    def matches(self, text: str) -> bool:
        """Whether its reason or its path has a text in it, whatever the case."""
        return text.casefold() in f"{self.content.path} {self.content.reason}".casefold()


def letters(reader: Reader, since_ms: int | None = None) -> Iterator[Letter]:
    """The letters of a dead-letter topic, in order within each partition.

    The topic is read twice, so that the marks are known before the letters are given.

    Args:
        reader: Of the dead-letter topic.
        since_ms: Only those that were rejected at that time or later, in milliseconds since 1970.
    """
    spans = reader.spans(Bound(time_ms=since_ms))
    redriven = _marks(reader, spans)
    for record in reader.records(spans):
        if marked(record) is None:
            yield _letter(record, redriven)


def letter_at(reader: Reader, position: Position) -> Letter:
    """The letter at a place.

    Raises:
        UsageError: There is none.
    """
    everything = {span.place.partition: span for span in reader.spans()}
    span = everything.get(position.partition)
    if span is None or not span.start <= position.offset < span.stop:
        there = ", ".join(f"{n}:{s.start} to {n}:{s.stop - 1}" for n, s in everything.items() if s.start < s.stop)
        raise UsageError(f"there is no dead letter {position}; there are {there or 'none'}")
    record = next(reader.records([Span(span.place, position.offset, position.offset + 1)]), None)
    if record is None:
        raise UsageError(f"there is no dead letter {position}: nothing of the topic has this offset")
    if (redriven := marked(record)) is not None:
        raise UsageError(f"{position} is no dead letter, but the mark that {redriven} was redriven")
    return _letter(record, _marks(reader, reader.spans(Bound(time_ms=record.timestamp_ms))))


def _marks(reader: Reader, spans: Sequence[Span]) -> set[Position]:
    return {position for record in reader.records(spans) if (position := marked(record)) is not None}


def _letter(record: Record, redriven: set[Position]) -> Letter:
    position = Position(record.partition, record.offset)
    content = original(record)
    return Letter(position, record.timestamp_ms, content, content.record.topic != record.topic, position in redriven)


def marked(record: Record) -> Position | None:
    """The letter that a record says to be redriven; None where the record is a letter itself."""
    for name, data in record.headers:
        if name == REDRIVEN:
            with suppress(UsageError):  # somebody else's header of that name marks nothing
                return Position.parse(data.decode("utf-8", "replace"))
    return None


def mark(letter: Letter) -> Outgoing:
    """The record that says that a letter was redriven."""
    return letter.content.record.key, None, ((REDRIVEN, str(letter.position).encode()),)


def hindrance(letter: Letter, max_ahead_s: float, now_ms: int) -> str:
    """What would make it a dead letter again; empty if nothing that can be known beforehand.

    Args:
        letter: The letter.
        max_ahead_s: How many seconds an eventTime may be ahead.
        now_ms: The time that the record would get, in milliseconds since 1970.
    """
    if letter.content.record.cut is not None:
        return LOST
    if not letter.has_origin:
        return "it does not say from which topic it is: its headers are not those of Headwater"
    try:
        event_of(replace(letter.content.record, timestamp_ms=now_ms), decode, max_ahead_s, now_ms)
    except (RejectedEvent, RejectedRecord) as error:
        return str(error)
    return ""


class Redrive:
    """Writes letters back.

    Args:
        producer: To the topics.
        topic: The dead letters'.
        done: Called with each letter once its mark is kept.
        refused: Called with each letter that its topic does not take, and why.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        done: Callable[[Letter], None],
        refused: Callable[[Letter, str], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._done = done
        self._refused = refused

    def run(self, chosen: Iterable[Letter]) -> None:
        """Writes all of them.

        Raises:
            TransientError: The broker can't take them now; run it again, what is marked is not written twice.
            UsageError: It refuses them.
        """
        held: list[Letter] = []
        for letter in chosen:
            held.append(letter)
            if len(held) >= AT_ONCE or sum(one.content.record.size for one in held) >= MOST_BYTES:
                self._write(held)
                held = []
        self._write(held)

    def _write(self, held: Sequence[Letter]) -> None:
        by_topic: defaultdict[str, list[Letter]] = defaultdict(list)
        for letter in held:
            by_topic[letter.content.record.topic].append(letter)
        gone = {letter.position for topic, letters in by_topic.items() for letter in self._taken(topic, letters)}
        back = [letter for letter in held if letter.position in gone]
        if back:
            self._producer.write(self._topic, [mark(letter) for letter in back])
        for letter in back:
            self._done(letter)

    def _taken(self, topic: str, letters: Sequence[Letter]) -> Sequence[Letter]:
        """Writes letters of one topic; returns those that it takes."""
        records = [letter.content.record for letter in letters]
        try:
            self._producer.write(topic, [(record.key, record.value, record.headers) for record in records])
        except TooLargeError as error:
            for number in error.refused:
                self._refused(letters[number], str(error))
            return [letter for number, letter in enumerate(letters) if number not in error.refused]
        return letters
