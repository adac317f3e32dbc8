"""A batch: records that are written and committed together, each one decoded or rejected already."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import structlog

from consumer.errors import RejectedRecord
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.event_time import require_plausible
from consumer.processing.record import Record, TopicPartition
from schemas.errors import RejectedEvent
from schemas.events import Event
from schemas.limits import PARSED_FACTOR
from schemas.strict_json import parsed_bytes

TOMBSTONE = "the record has no value (a tombstone), so there is no event in it"

Decode = Callable[[bytes], Event]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Batch:
    """Records in hand.

    Attributes:
        since: When the first one came, in seconds of the loop's clock.
        records: All of them, in the order in which they came.
        events: Those that are events, with them.
        letters: Those that are none.
        size: Bytes of all records.
        weight: About how many bytes they take with their events as objects.
    """

    since: float = 0.0
    records: list[Record] = field(default_factory=list)
    events: list[tuple[Record, Event]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    weight: int = 0

    def add(self, record: Record, decode: Decode, max_ahead_s: float, now_ms: int) -> None:
        """Takes a record in, as an event or as a dead letter; the arguments are those of `event_of`."""
        self.records.append(record)
        self._weigh(record)
        try:
            self.events.append((record, event_of(record, decode, max_ahead_s, now_ms)))
        except (RejectedEvent, RejectedRecord) as error:
            self.letters.append(DeadLetter(record, error.reason, error.path))
            _log.warning("record rejected", record=str(record), path=error.path, reason=error.reason)

    def drop(self, gone: Collection[TopicPartition]) -> None:
        """Forgets what came from some partitions."""
        self.records = [record for record in self.records if record.place not in gone]
        self.events = [(record, event) for record, event in self.events if record.place not in gone]
        self.letters = [letter for letter in self.letters if letter.record.place not in gone]
        self.size = self.weight = 0
        for record in self.records:
            self._weigh(record)

    def is_full(self, max_records: int, max_bytes: int) -> bool:
        """True if there are so many records, so many bytes of them, or too many objects in their events."""
        most = PARSED_FACTOR * max_bytes
        return len(self.records) >= max_records or self.size >= max_bytes or self.weight >= most

    def _weigh(self, record: Record) -> None:
        self.size += record.size
        self.weight += record.size + parsed_bytes(record.value or b"")


def event_of(record: Record, decode: Decode, max_ahead_s: float, now_ms: int) -> Event:
    """The event in a record.

    Args:
        record: As it was read.
        decode: From its value to an event.
        max_ahead_s: How many seconds an event's time may be ahead of the record's own, and of ours.
        now_ms: Milliseconds since 1970 in UTC, by our clock. It counts where the broker did not stamp the record: a
            producer whose clock is wrong stamps the record with it.

    Raises:
        RejectedEvent: The value is no event, or its time can't be true.
        RejectedRecord: It could not be read, or there is no value.
    """
    if record.flaw:
        raise RejectedRecord(record.flaw)
    if record.value is None:
        raise RejectedRecord(TOMBSTONE)
    event = decode(record.value)
    require_plausible(event, _passed_on_at(record, now_ms), max_ahead_s)
    return event


def _passed_on_at(record: Record, now_ms: int) -> int:
    """When a record was passed on, in milliseconds since 1970, by a clock that its producer does not set."""
    if record.timestamp_ms <= 0:
        return now_ms
    # Our own clock may be wrong, too; a broker's is that of all its consumers.
    return record.timestamp_ms if record.by_broker else min(now_ms, record.timestamp_ms)
