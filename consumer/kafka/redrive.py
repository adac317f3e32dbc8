"""Redrive: dead letters go back to their topics once the cause of the rejection is fixed.

The dead-letter topic only grows. So a redriven dead letter is marked by another record in the topic: without a value,
with the dead letter's key and so in the same partition, and with its position in the header `headwater.redriven`. The
marker is written after the original. A crash between the two leaves a redriven dead letter unmarked; it is redriven
again, which changes no graph. The marker is younger than its dead letter, so retention never removes it first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from consumer.errors import RejectedRecord, UsageError
from consumer.kafka.dead_letter_topic import PREFIX, parse_dead_letter
from consumer.kafka.offset_range import OffsetRange, Position, RangeBound
from consumer.kafka.topic_reader import TopicReader
from consumer.processing.batch import decode_record
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import Outgoing, Producer, TooLargeError
from consumer.processing.record import Record
from schemas.decode import decode
from schemas.errors import RejectedEvent

REDRIVEN: Final = f"{PREFIX}redriven"

MAX_BATCH: Final = 100
"""Dead letters that are written before their markers, at most."""

TRUNCATED: Final = (
    "only the first bytes are kept, since the record was too large; have its producer send it again in smaller parts"
)
"""The reason why a truncated dead letter can't be redriven."""

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""Bytes of dead letters that are written before their markers, approximately."""


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter in its topic.

    Attributes:
        position: Its position in the dead-letter topic.
        rejected_ms: Time of the rejection, in milliseconds since 1970.
        dead_letter: The rejected record and the reason.
        has_origin: True if the headers name the original record; records of other producers have none.
        redriven: True if it was redriven already.
    """

    position: Position
    rejected_ms: int
    dead_letter: DeadLetter
    has_origin: bool
    redriven: bool

    @property
    def is_redrivable(self) -> bool:
        """True if the whole record is kept and its topic is known."""
        return self.has_origin and self.dead_letter.record.truncation is None

    def matches(self, text: str) -> bool:
        """True if its reason or path contains a text, ignoring case."""
        return text.casefold() in f"{self.dead_letter.path} {self.dead_letter.reason}".casefold()


def stored_dead_letters(reader: TopicReader, since_ms: int | None = None) -> Iterator[StoredDeadLetter]:
    """Yields the dead letters of a topic, in order within each partition.

    The topic is read twice, so that the markers are known before the dead letters are yielded.

    Args:
        reader: Reader of the dead-letter topic.
        since_ms: Only those rejected at that time or later, in milliseconds since 1970.
    """
    ranges = reader.ranges(RangeBound(time_ms=since_ms))
    redriven = _redriven_positions(reader, ranges)
    for record in reader.records(ranges):
        if redriven_position(record) is None:
            yield _stored_dead_letter(record, redriven)


def dead_letter_at(reader: TopicReader, position: Position) -> StoredDeadLetter:
    """Returns the dead letter at a position.

    Raises:
        UsageError: The position has none.
    """
    everything = {offset_range.topic_partition.partition: offset_range for offset_range in reader.ranges()}
    offset_range = everything.get(position.partition)
    if offset_range is None or not offset_range.start <= position.offset < offset_range.stop:
        there = ", ".join(f"{n}:{s.start} to {n}:{s.stop - 1}" for n, s in everything.items() if s.start < s.stop)
        raise UsageError(f"dead letter {position} does not exist; the topic has {there or 'none'}")
    record = next(
        reader.records([OffsetRange(offset_range.topic_partition, position.offset, position.offset + 1)]), None
    )
    if record is None:
        raise UsageError(f"dead letter {position} does not exist; no record of the topic has this offset")
    if (redriven := redriven_position(record)) is not None:
        raise UsageError(f"{position} is not a dead letter but the marker that {redriven} was redriven")
    return _stored_dead_letter(
        record, _redriven_positions(reader, reader.ranges(RangeBound(time_ms=record.timestamp_ms)))
    )


def _redriven_positions(reader: TopicReader, ranges: Sequence[OffsetRange]) -> set[Position]:
    return {position for record in reader.records(ranges) if (position := redriven_position(record)) is not None}


def _stored_dead_letter(record: Record, redriven: set[Position]) -> StoredDeadLetter:
    position = Position(record.partition, record.offset)
    content = parse_dead_letter(record)
    return StoredDeadLetter(
        position, record.timestamp_ms, content, content.record.topic != record.topic, position in redriven
    )


def redriven_position(record: Record) -> Position | None:
    """Returns the position of the dead letter that a record marks as redriven; None if the record is not a marker."""
    for name, data in record.headers:
        if name == REDRIVEN:
            with suppress(UsageError):  # a header of that name with another content is not a marker
                return Position.parse(data.decode("utf-8", "replace"))
    return None


def redrive_marker(letter: StoredDeadLetter) -> Outgoing:
    """Returns the record that marks a dead letter as redriven."""
    return letter.dead_letter.record.key, None, ((REDRIVEN, str(letter.position).encode()),)


def rejection_reason(letter: StoredDeadLetter, max_ahead_s: float, now_ms: int) -> str:
    """Returns the reason for which a redriven record would be rejected again; empty if none is known beforehand.

    Args:
        letter: The dead letter.
        max_ahead_s: Seconds by which an eventTime may be ahead.
        now_ms: The timestamp that the redriven record would get, in milliseconds since 1970.
    """
    if letter.dead_letter.record.truncation is not None:
        return TRUNCATED
    if not letter.has_origin:
        return "its headers do not name the original topic; another producer wrote it"
    try:
        decode_record(replace(letter.dead_letter.record, timestamp_ms=now_ms), decode, max_ahead_s, now_ms)
    except (RejectedEvent, RejectedRecord) as error:
        return str(error)
    return ""


class Redrive:
    """Writer of dead letters to their original topics.

    Args:
        producer: Writes to all topics.
        topic: The dead-letter topic.
        done: Called with each dead letter once its marker is stored.
        refused: Called with each dead letter that its topic rejects, and the reason.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        done: Callable[[StoredDeadLetter], None],
        refused: Callable[[StoredDeadLetter, str], None],
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._done = done
        self._refused = refused

    def run(self, chosen: Iterable[StoredDeadLetter]) -> None:
        """Writes all chosen dead letters.

        Raises:
            TransientError: The broker can't accept them now; run it again, marked ones are not written twice.
            UsageError: The broker rejects them.
        """
        held: list[StoredDeadLetter] = []
        for letter in chosen:
            held.append(letter)
            if len(held) >= MAX_BATCH or sum(one.dead_letter.record.size for one in held) >= MAX_BATCH_BYTES:
                self._write(held)
                held = []
        self._write(held)

    def _write(self, held: Sequence[StoredDeadLetter]) -> None:
        by_topic: defaultdict[str, list[StoredDeadLetter]] = defaultdict(list)
        for letter in held:
            by_topic[letter.dead_letter.record.topic].append(letter)
        gone = {
            letter.position for topic, letters in by_topic.items() for letter in self._write_to_topic(topic, letters)
        }
        back = [letter for letter in held if letter.position in gone]
        # Marked after they are written: a crash between the two redrives them twice, and loses none.
        if back:
            self._producer.write(self._topic, [redrive_marker(letter) for letter in back])
        for letter in back:
            self._done(letter)

    def _write_to_topic(self, topic: str, letters: Sequence[StoredDeadLetter]) -> Sequence[StoredDeadLetter]:
        """Writes dead letters of one topic; returns those that the topic accepts."""
        records = [letter.dead_letter.record for letter in letters]
        try:
            self._producer.write(topic, [(record.key, record.value, record.headers) for record in records])
        except TooLargeError as error:
            for number in error.refused:
                self._refused(letters[number], str(error))
            return [letter for number, letter in enumerate(letters) if number not in error.refused]
        return letters
