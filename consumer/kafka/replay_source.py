"""Ranges of a topic as a record source, so that a replay processes records as the service does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from consumer.errors import HeadwaterError
from consumer.kafka.offset_range import OffsetRange
from consumer.kafka.topic_reader import TopicReader
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.ports import OnRecordsLost, OnRevoked
from consumer.processing.record import Record, TopicPartition

NO_RECORD_TIMEOUT_S: Final = 60.0
"""Seconds without a record before the end, after which a replay fails."""


class ReplaySource:
    """Source that returns the records of ranges once, and sets an event when all of them are committed.

    It joins no group and stores no offset outside of this object.

    Args:
        reader: Reader of the topic; the caller closes it.
        ranges: Ranges to read; several partitions are read at a time.
        finished: Set at the end, to stop the processor.
        clock: Seconds; monotonic.

    Attributes:
        remaining: For each unfinished partition, the offset of its first record that is not durable in the sink.
    """

    def __init__(
        self,
        reader: TopicReader,
        ranges: Sequence[OffsetRange],
        finished: threading.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.remaining = {
            offset_range.topic_partition: offset_range.start
            for offset_range in ranges
            if offset_range.start < offset_range.stop
        }
        self._ranges = [offset_range for offset_range in ranges if offset_range.topic_partition in self.remaining]
        self._stops = {offset_range.topic_partition: offset_range.stop for offset_range in self._ranges}
        self._positions = dict(self.remaining)
        self._returned: dict[TopicPartition, int] = {}
        self._reader = reader
        self._finished = finished
        self._clock = clock
        self._last_progress = clock()

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnRecordsLost | None = None) -> None:  # noqa: ARG002 -- see below
        """Starts to read; no partition is ever revoked, and the reader reports lost records."""
        self._reader.start(self._ranges)
        self._last_progress = self._clock()

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Returns the next records of the ranges.

        Raises:
            HeadwaterError: No record arrives before the end of a range.
        """
        if not self._unread_partitions():
            self._finish_partitions()
            self._finished.wait(timeout_s)
            return []
        found = self._reader.poll(timeout_s, max_records)
        self._update_positions(bool(found))
        records = [record for record in found if record.offset < self._stops[record.topic_partition]]
        self._returned.update({record.topic_partition: record.offset + 1 for record in records})
        return records

    def heartbeat(self, timeout_s: float) -> None:  # noqa: ARG002 -- see below
        """Notes progress; no group needs a heartbeat, and the processor calls this while it accepts no records."""
        self._last_progress = self._clock()

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Notes the offsets up to which records are durable."""
        self.remaining.update(offsets)
        self._finish_partitions()

    def lag(self) -> Mapping[TopicPartition, int]:
        """Returns the number of offsets still to read, by partition."""
        return {
            topic_partition: max(0, stop - self._positions[topic_partition])
            for topic_partition, stop in self._stops.items()
        }

    def close(self) -> None:
        """Does nothing; the caller closes the reader."""

    def _unread_partitions(self) -> list[TopicPartition]:
        return [
            topic_partition for topic_partition, stop in self._stops.items() if self._positions[topic_partition] < stop
        ]

    def _update_positions(self, came: bool) -> None:  # noqa: FBT001 -- one caller
        """Updates the positions, which also move over compacted, aborted and removed records."""
        for topic_partition in self._unread_partitions():
            position = self._reader.position(topic_partition)
            came = came or position > self._positions[topic_partition]
            self._positions[topic_partition] = position
            if position >= self._stops[topic_partition]:
                self._reader.pause(topic_partition)
        if came:
            self._last_progress = self._clock()
        elif (silent := self._clock() - self._last_progress) > NO_RECORD_TIMEOUT_S:
            topic_partition = self._unread_partitions()[0]
            raise HeadwaterError(
                f"{topic_partition}@{self._positions[topic_partition]}: no record for {silent:.0f} s, before the end at"
                f" {self._stops[topic_partition]};"
                " run `headwater check kafka` for the state of the brokers"
            )

    def _finish_partitions(self) -> None:
        """Removes partitions that are completely read and durable; sets `finished` after the last."""
        unread = set(self._unread_partitions())
        for topic_partition in [topic_partition for topic_partition in self.remaining if topic_partition not in unread]:
            if self.remaining[topic_partition] >= self._returned.get(topic_partition, 0):
                del self.remaining[topic_partition]
        if not self.remaining:
            self._finished.set()


class DiscardDeadLetters:
    """Discards dead letters: those of a replay are in the dead-letter topic already.

    Args:
        on_dead_letter: Called with each.
    """

    def __init__(self, on_dead_letter: Callable[[DeadLetter], None]) -> None:
        self._on_dead_letter = on_dead_letter

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Passes each dead letter to the callback."""
        for letter in letters:
            self._on_dead_letter(letter)

    def close(self) -> None:
        """Does nothing."""
