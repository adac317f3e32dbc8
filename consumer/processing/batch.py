"""A batch: records that are written and committed together, each of them decoded or rejected."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import structlog

from consumer.errors import RejectedRecord
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.event_time import reject_future_event
from consumer.processing.record import Record, TopicPartition
from schemas.errors import RejectedEvent
from schemas.events import Event
from schemas.lazy_decode import held_bytes
from schemas.limits import PARSED_FACTOR

TOMBSTONE = "the record has no value (a tombstone), so it has no event"

Decode = Callable[[bytes], Event]

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Batch:
    """Records that are decoded and not yet written.

    Attributes:
        since: When the first record arrived, in seconds of the processor's clock.
        records: All records, in order of arrival.
        events: The records that decoded to an event, with the event.
        letters: The dead letters of the records that did not.
        size: Bytes of all records.
        weight: Estimated bytes of the records, of their events as objects, and of the events' facts.
    """

    since: float = 0.0
    records: list[Record] = field(default_factory=list)
    events: list[tuple[Record, Event]] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    size: int = 0
    weight: int = 0

    def add(self, record: Record, decode: Decode, max_ahead_s: float, now_ms: int) -> None:
        """Adds a record as an event or as a dead letter; the arguments are those of `decode_record`."""
        self.records.append(record)
        self.size += record.size
        self.weight += record.size
        try:
            event = decode_record(record, decode, max_ahead_s, now_ms)
        except (RejectedEvent, RejectedRecord) as error:
            self.letters.append(DeadLetter(record, error.reason, error.path))
            _log.warning("record rejected", record=str(record), path=error.path, reason=error.reason)
            return
        self.events.append((record, event))
        self.weight += held_bytes(event, record.value or b"")

    def drop(self, gone: Collection[TopicPartition]) -> None:
        """Discards the records of revoked partitions."""
        self.records = [record for record in self.records if record.topic_partition not in gone]
        self.events = [(record, event) for record, event in self.events if record.topic_partition not in gone]
        self.letters = [letter for letter in self.letters if letter.record.topic_partition not in gone]
        self.size = sum(record.size for record in self.records)
        self.weight = self.size + sum(held_bytes(event, record.value or b"") for record, event in self.events)

    def is_full(self, max_records: int, max_bytes: int) -> bool:
        """True if the limit of records, of bytes, or of estimated object bytes is reached."""
        return len(self.records) >= max_records or self.size >= max_bytes or self.weight >= most_weight(max_bytes)


def most_weight(max_bytes: int) -> int:
    """Returns the weight at which a batch is full, and all in-flight batches together."""
    return PARSED_FACTOR * max_bytes


def decode_record(record: Record, decode: Decode, max_ahead_s: float, now_ms: int) -> Event:
    """Decodes the event in a record.

    Args:
        record: The record as read.
        decode: Decodes the record's value to an event.
        max_ahead_s: Seconds by which the event's time may be ahead of the record's timestamp and of `now_ms`.
        now_ms: Milliseconds since 1970 in UTC by this machine's clock. It counts where the broker did not stamp the
            record: a producer whose clock is wrong stamps the record with it.

    Raises:
        RejectedEvent: The value is not a valid event, or the event's time is in the future.
        RejectedRecord: The record could not be parsed, or has no value.
    """
    if record.parse_error:
        raise RejectedRecord(record.parse_error)
    if record.value is None:
        raise RejectedRecord(TOMBSTONE)
    event = decode(record.value)
    reject_future_event(event, _passed_on_at(record, now_ms), max_ahead_s)
    return event


def _passed_on_at(record: Record, now_ms: int) -> int:
    """When a record was passed on, in milliseconds since 1970, by a clock that its producer does not set."""
    if record.timestamp_ms <= 0:
        return now_ms
    # Our own clock may be wrong, too; a broker's is that of all its consumers.
    return record.timestamp_ms if record.by_broker else min(now_ms, record.timestamp_ms)
