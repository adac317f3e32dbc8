"""Offsets that may be committed: those of durable records with no undurable record before them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from consumer.processing.record import TopicPartition


@dataclass
class _Partition:
    """Offsets that are tracked but not committed, in order, with the time of arrival; and those that are done."""

    tracked: dict[int, float] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)


class OffsetTracker:
    """Tracker of each offset from arrival to commit; offsets of one partition arrive in rising order."""

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, _Partition] = {}

    def track(self, topic_partition: TopicPartition, offset: int, now: float) -> None:
        """Adds a record that arrived at `now`, in seconds."""
        self._partitions.setdefault(topic_partition, _Partition()).tracked[offset] = now

    def mark_done(self, topic_partition: TopicPartition, offset: int) -> None:
        """Marks a record as durable, as event or dead letter; ignored after its partition was revoked."""
        partition = self._partitions.get(topic_partition)
        if partition is not None and offset in partition.tracked:
            partition.done.add(offset)

    def committable(self) -> dict[TopicPartition, int]:
        """Returns the offset to commit for each partition: one after the last of the unbroken sequence of done ones.

        Offsets may have gaps (compaction, transactions); an offset that never arrived is not waited for.
        """
        found: dict[TopicPartition, int] = {}
        for topic_partition, partition in self._partitions.items():
            for offset in partition.tracked:
                if offset not in partition.done:
                    break
                found[topic_partition] = offset + 1
        return found

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Removes all offsets before those that the broker has stored."""
        for topic_partition, upto in offsets.items():
            partition = self._partitions[topic_partition]
            for offset in [offset for offset in partition.tracked if offset < upto]:
                del partition.tracked[offset]
                partition.done.discard(offset)
            if not partition.tracked:
                del self._partitions[topic_partition]

    def discard(self, revoked: Collection[TopicPartition]) -> None:
        """Removes revoked partitions; their new owner resumes at the committed offset."""
        for topic_partition in revoked:
            self._partitions.pop(topic_partition, None)

    def oldest_uncommitted_age_s(self, now: float) -> float:
        """Returns the age in seconds of the oldest uncommitted record; 0 without any."""
        firsts = [next(iter(partition.tracked.values())) for partition in self._partitions.values()]
        return max(0.0, now - min(firsts)) if firsts else 0.0
