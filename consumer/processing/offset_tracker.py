"""What may be committed: nothing that is not done, and nothing behind something that is not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from consumer.processing.record import TopicPartition


@dataclass
class _Partition:
    """Offsets taken but not committed, in order, each with when it was taken and whether it is done."""

    taken: dict[int, float] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)


class Offsets:
    """Follows each offset from taken to done to committed; offsets of a partition are taken in rising order."""

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, _Partition] = {}

    def take(self, place: TopicPartition, offset: int, now: float) -> None:
        """A record was received at `now`, in seconds."""
        self._partitions.setdefault(place, _Partition()).taken[offset] = now

    def done(self, place: TopicPartition, offset: int) -> None:
        """A record is durable, as events or as a dead letter; ignored if its partition was revoked."""
        partition = self._partitions.get(place)
        if partition is not None and offset in partition.taken:
            partition.done.add(offset)

    def due(self) -> dict[TopicPartition, int]:
        """For each partition, the offset at which to go on: one after the last of the unbroken row of done ones.

        Offsets may leave gaps (compaction, transactions); what was never taken is not waited for.
        """
        found: dict[TopicPartition, int] = {}
        for place, partition in self._partitions.items():
            for offset in partition.taken:
                if offset not in partition.done:
                    break
                found[place] = offset + 1
        return found

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The broker has kept these; what is before them is over."""
        for place, upto in offsets.items():
            partition = self._partitions[place]
            for offset in [offset for offset in partition.taken if offset < upto]:
                del partition.taken[offset]
                partition.done.discard(offset)
            if not partition.taken:
                del self._partitions[place]

    def forget(self, places: Collection[TopicPartition]) -> None:
        """Revoked: another member goes on from what was committed."""
        for place in places:
            self._partitions.pop(place, None)

    def waiting_s(self, now: float) -> float:
        """Age in seconds of the oldest record that is not committed; 0 if there is none."""
        firsts = [next(iter(partition.taken.values())) for partition in self._partitions.values()]
        return max(0.0, now - min(firsts)) if firsts else 0.0
