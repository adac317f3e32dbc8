"""Reads ranges of a topic without a group, and without a commit."""

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
from consumer.kafka.client_options import client_options, translate_errors
from consumer.kafka.connectivity import diagnose
from consumer.kafka.fetch.fetch_limits import MAX_FETCH_BYTES, MAX_PARTITION_BYTES, bound_fetches
from consumer.kafka.fetch.tolerant_fetcher import install_tolerant_parser
from consumer.kafka.group_consumer import to_record
from consumer.kafka.offset_range import OffsetRange, RangeBound
from consumer.processing.ports import OnRecordsLost
from consumer.processing.record import Record, TopicPartition

NO_RECORD_TIMEOUT_S: Final = 20.0
"""Seconds without a record before the end, after which reading fails."""

_log = structlog.get_logger(__name__)


def browse(settings: KafkaSettings, topic: str) -> Iterator[Record]:
    """Yields every record that the topic has at the time of the call, partition by partition.

    Raises:
        UsageError: The cluster rejects the settings, or the topic does not exist.
        TransientError: The broker can't be reached now.
    """
    with open_reader(settings, topic) as reader:
        yield from reader.records(reader.ranges())


@contextmanager
def open_reader(settings: KafkaSettings, topic: str) -> Iterator[TopicReader]:
    """Yields a reader of a topic, and closes it at the end.

    Raises:
        UsageError: The cluster rejects the settings, or the topic does not exist.
        TransientError: The broker can't be reached now.
    """
    diagnosis = diagnose(settings, (topic,))
    if not diagnosis.ok:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.message)
    options = client_options(settings) | {
        "group_id": None,
        "enable_auto_commit": False,
        # Removed records are reported, not skipped.
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "max_partition_fetch_bytes": MAX_PARTITION_BYTES,
        "fetch_max_bytes": MAX_FETCH_BYTES,
        "metrics_enabled": False,
    }
    with translate_errors(f"reading of topic {topic}", settings):
        consumer = KafkaConsumer(**options)
    install_tolerant_parser(consumer)
    bound_fetches(consumer)
    try:
        yield TopicReader(consumer, settings, topic)
    finally:
        consumer.close(autocommit=False)


def _ignore_loss(_: TopicPartition, __: int) -> None:
    """Ignores lost records."""


class TopicReader:
    """A consumer without a group; used by one thread.

    Every method raises `TransientError` when the broker can't serve now, and `UsageError` when it rejects the settings.

    Attributes:
        on_lost: Called for records that retention removed before they were read.
    """

    def __init__(self, consumer: Any, settings: KafkaSettings, topic: str) -> None:
        self.on_lost: OnRecordsLost = _ignore_loss
        self._consumer = consumer
        self._settings = settings
        self._topic = topic

    def ranges(self, begin: RangeBound | None = None, end: RangeBound | None = None) -> list[OffsetRange]:
        """Returns the ranges between two bounds now, by partition, empty ones included.

        Calls `on_lost` for offsets that `begin` covers and that the topic no longer has.
        """
        with self._translate_errors():
            partitions = [
                KafkaPartition(self._topic, n) for n in self._consumer.partitions_for_topic(self._topic) or ()
            ]
            first = {p.partition: at for p, at in self._consumer.beginning_offsets(partitions).items()}
            last = {p.partition: at for p, at in self._consumer.end_offsets(partitions).items()}
            starts = (begin or RangeBound()).resolve(last, self._at_time(partitions), first)
            stops = (end or RangeBound()).resolve(last, self._at_time(partitions), last)
        found = []
        for number in sorted(starts.keys() & stops.keys()):
            topic_partition, least = TopicPartition(self._topic, number), first[number]
            start, stop = max(starts[number], least), min(stops[number], last[number])
            if (gone := min(least, stops[number]) - starts[number]) > 0:
                self.on_lost(topic_partition, gone)
            found.append(OffsetRange(topic_partition, min(start, stop), stop))
        return found

    def _at_time(self, partitions: Sequence[KafkaPartition]) -> Callable[[int], Mapping[int, int | None]]:
        def find(time_ms: int) -> dict[int, int | None]:
            found = self._consumer.offsets_for_times(dict.fromkeys(partitions, time_ms))
            return {p.partition: None if at is None else at.offset for p, at in found.items()}

        return find

    def records(self, ranges: Sequence[OffsetRange]) -> Iterator[Record]:
        """Yields the records of ranges, one range after the other; records that are removed meanwhile are left out."""
        for offset_range in ranges:
            self.start([offset_range])
            silent_since = time.monotonic()
            # The position also moves over compacted and aborted records; the last record may not be at the end.
            while (at := self.position(offset_range.topic_partition)) < offset_range.stop:
                found = self.poll(NO_RECORD_TIMEOUT_S / 10, 500)
                if found or self.position(offset_range.topic_partition) > at:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > NO_RECORD_TIMEOUT_S:
                    raise TransientError(
                        f"{offset_range.topic_partition}@{at}: no record arrives before the end at {offset_range.stop}"
                    )
                yield from (record for record in found if record.offset < offset_range.stop)

    def start(self, ranges: Sequence[OffsetRange]) -> None:
        """Makes `poll` read these partitions, each from the start of its range."""
        partitions = {KafkaPartition(*offset_range.topic_partition): offset_range.start for offset_range in ranges}
        with self._translate_errors():
            self._consumer.assign(list(partitions))
            for partition, offset in partitions.items():
                self._consumer.seek(partition, offset)

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Returns the next records, including those after a range's end."""
        with self._translate_errors():
            try:
                found = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records)
            except errors.OffsetOutOfRangeError as error:
                self._skip(error.args[0])
                return []
            except errors.CorruptRecordError as error:
                _log.warning("reading failed, retrying", error=str(error))
                return []
        return [to_record(raw) for records in found.values() for raw in records]

    def _skip(self, positions: Mapping[KafkaPartition, int]) -> None:
        """Continues at the first existing record after retention removed the next one."""
        for partition, first in self._consumer.beginning_offsets(list(positions)).items():
            self.on_lost(TopicPartition(*partition), max(0, first - positions[partition]))
            self._consumer.seek(partition, first)

    def position(self, topic_partition: TopicPartition) -> int:
        """Returns the offset of the next record to read."""
        with self._translate_errors():
            return int(self._consumer.position(KafkaPartition(*topic_partition)) or 0)

    def pause(self, topic_partition: TopicPartition) -> None:
        """Stops reading a partition."""
        self._consumer.pause(KafkaPartition(*topic_partition))

    def _translate_errors(self) -> AbstractContextManager[None]:
        return translate_errors(f"reading of topic {self._topic}", self._settings)
