"""Reads parts of a topic, or all of it, as a person would: without a group, and without a trace."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import structlog
from kafka import KafkaConsumer, errors
from kafka.structs import TopicPartition as KafkaPartition

from consumer.config.settings import KafkaSettings
from consumer.errors import TransientError, UsageError
from consumer.kafka.client_options import client_options, talking
from consumer.kafka.connectivity import diagnose
from consumer.kafka.fetch.fetch_limits import FETCH_BYTES, PARTITION_BYTES, bound_fetches
from consumer.kafka.fetch.tolerant_fetcher import read_on
from consumer.kafka.group_consumer import record_of
from consumer.kafka.offset_range import Bound, Span
from consumer.processing.ports import OnLost
from consumer.processing.record import Record, TopicPartition

SILENCE_S: Final = 20.0
"""Seconds without a record, short of the end, after which reading is given up."""

_log = structlog.get_logger(__name__)


def browse(settings: KafkaSettings, topic: str) -> Iterator[Record]:
    """Every record that the topic holds at the moment of the call, partition by partition.

    Raises:
        UsageError: The cluster refuses, or there is no such topic.
        TransientError: The broker is away.
    """
    with reading(settings, topic) as reader:
        yield from reader.records(reader.spans())


@contextmanager
def reading(settings: KafkaSettings, topic: str) -> Iterator[Reader]:
    """A reader of a topic, closed at the end.

    Raises:
        UsageError: The cluster refuses, or there is no such topic.
        TransientError: The broker is away.
    """
    diagnosis = diagnose(settings, (topic,))
    if not diagnosis.ok:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.words)
    options = client_options(settings) | {
        "group_id": None,
        "enable_auto_commit": False,
        # What is no longer there is told, and not passed over.
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "max_partition_fetch_bytes": PARTITION_BYTES,
        "fetch_max_bytes": FETCH_BYTES,
        "metrics_enabled": False,
    }
    with talking(f"reading of topic {topic}", settings):
        consumer = KafkaConsumer(**options)
    read_on(consumer)
    bound_fetches(consumer)
    try:
        yield Reader(consumer, settings, topic)
    finally:
        consumer.close(autocommit=False)


def _nobody(_: TopicPartition, __: int) -> None:
    """Does not mind what is lost."""


class Reader:
    """A consumer of no group; used by one thread.

    Every method raises `TransientError` when the broker can't serve now, and `UsageError` when it refuses.

    Attributes:
        on_lost: Told of records that retention took before they were read.
    """

    def __init__(self, consumer: Any, settings: KafkaSettings, topic: str) -> None:
        self.on_lost: OnLost = _nobody
        self._consumer = consumer
        self._settings = settings
        self._topic = topic

    def spans(self, begin: Bound | None = None, end: Bound | None = None) -> list[Span]:
        """What there is between two bounds now, by partition; empty ones included.

        `on_lost` is told of offsets before the first that is there, where `begin` names them.
        """
        with self._talking():
            partitions = [
                KafkaPartition(self._topic, n) for n in self._consumer.partitions_for_topic(self._topic) or ()
            ]
            first = {p.partition: at for p, at in self._consumer.beginning_offsets(partitions).items()}
            last = {p.partition: at for p, at in self._consumer.end_offsets(partitions).items()}
            starts = (begin or Bound()).within(last, self._at_time(partitions), first)
            stops = (end or Bound()).within(last, self._at_time(partitions), last)
        found = []
        for number in sorted(starts.keys() & stops.keys()):
            place, least = TopicPartition(self._topic, number), first[number]
            start, stop = max(starts[number], least), min(stops[number], last[number])
            if (gone := min(least, stops[number]) - starts[number]) > 0:
                self.on_lost(place, gone)
            found.append(Span(place, min(start, stop), stop))
        return found

    def _at_time(self, partitions: Sequence[KafkaPartition]) -> Callable[[int], Mapping[int, int | None]]:
        def find(time_ms: int) -> dict[int, int | None]:
            found = self._consumer.offsets_for_times(dict.fromkeys(partitions, time_ms))
            return {p.partition: None if at is None else at.offset for p, at in found.items()}

        return find

    def records(self, spans: Sequence[Span]) -> Iterator[Record]:
        """The records of spans, span by span; those that are gone meanwhile are left out."""
        for span in spans:
            self.start([span])
            silent_since = time.monotonic()
            # The position moves over what is compacted or aborted, too; the last record's offset may not be the end.
            while (at := self.position(span.place)) < span.stop:
                found = self.poll(SILENCE_S / 10, 500)
                if found or self.position(span.place) > at:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_S:
                    raise TransientError(f"{span.place}@{at}: nothing comes, but the end is {span.stop}")
                yield from (record for record in found if record.offset < span.stop)

    def start(self, spans: Sequence[Span]) -> None:
        """From now on `poll` reads these partitions, each from its span's start on."""
        partitions = {KafkaPartition(*span.place): span.start for span in spans}
        with self._talking():
            self._consumer.assign(list(partitions))
            for partition, offset in partitions.items():
                self._consumer.seek(partition, offset)

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """The next records, also those behind a span's end."""
        with self._talking():
            try:
                found = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records)
            except errors.OffsetOutOfRangeError as error:
                self._skip(error.args[0])
                return []
            except errors.CorruptRecordError as error:
                _log.warning("reading failed; trying again", error=str(error))
                return []
        return [record_of(raw) for records in found.values() for raw in records]

    def _skip(self, positions: Mapping[KafkaPartition, int]) -> None:
        """Retention was faster: goes on at the first record that is there."""
        for partition, first in self._consumer.beginning_offsets(list(positions)).items():
            self.on_lost(TopicPartition(*partition), max(0, first - positions[partition]))
            self._consumer.seek(partition, first)

    def position(self, place: TopicPartition) -> int:
        """The offset of the next record to read."""
        with self._talking():
            return int(self._consumer.position(KafkaPartition(*place)) or 0)

    def pause(self, place: TopicPartition) -> None:
        """Reads no more of a partition."""
        self._consumer.pause(KafkaPartition(*place))

    def _talking(self) -> AbstractContextManager[None]:
        return talking(f"reading of topic {self._topic}", self._settings)
