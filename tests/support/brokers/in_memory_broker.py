"""A broker inside the process: topics, groups and rebalances as Kafka has them, in memory or in one file.

It runs what would otherwise need a cluster: the demo, a laptop, and the tests of everything behind the ports. Records
and committed offsets outlive the process if there is a file; members do not, and all members of a group are in one
process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from consumer.errors import TransientError
from consumer.kafka.lost_offset import LostOffset, Policy
from consumer.processing.ports import OnRecordsLost, OnRevoked, Outgoing
from consumer.processing.record import Record, TopicPartition
from tests.support.brokers.in_memory_log import Log


@dataclass
class _Group:
    """Members in the order in which they joined, and who owns what."""

    members: list[MemorySource] = field(default_factory=list)
    owners: dict[TopicPartition, MemorySource] = field(default_factory=dict)


class Broker(Log):
    """Topics and groups; safe for any number of threads.

    Args:
        path: A file for records and committed offsets, made if it is not there; `None` keeps them in memory.
        clock: Seconds since 1970, for the records' timestamps.

    Raises:
        UsageError: The file can't be used.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path, clock)
        self._groups: dict[tuple[str, str], _Group] = {}

    def commit(self, member: MemorySource, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps a member's offsets, all or none.

        Raises:
            TransientError: The member does not own one of the partitions; it must poll to learn of the rebalance.
        """
        with self.changed:
            owners = self._group(member).owners
            for place in offsets:
                if owners.get(place) is not member:
                    raise TransientError(f"{place} is no longer this member's; poll, then commit what is left")
            self.keep(member.group_id, offsets)

    def join(self, member: MemorySource) -> None:
        """A member comes in; what becomes its share is handed over as the others poll."""
        self.partitions(member.topic)
        with self.changed:
            self._group(member).members.append(member)
            self.changed.notify_all()

    def leave(self, member: MemorySource) -> None:
        """A member goes; its partitions are free at once."""
        with self.changed:
            group = self._group(member)
            if member in group.members:
                group.members.remove(member)
            group.owners = {place: owner for place, owner in group.owners.items() if owner is not member}
            self.changed.notify_all()

    def rebalance(self, member: MemorySource) -> tuple[set[TopicPartition], set[TopicPartition]]:
        """What a member must give up, which others can have from now on, and what of the free ones it gets."""
        with self.changed:
            group = self._group(member)
            place = group.members.index(member)
            mine = range(place, self.partitions(member.topic), len(group.members))
            share = {TopicPartition(member.topic, number) for number in mine}
            owned = {place for place, owner in group.owners.items() if owner is member}
            for gone in owned - share:
                del group.owners[gone]
            new = {place for place in share if place not in group.owners}
            group.owners |= dict.fromkeys(new, member)
            if owned - share:
                self.changed.notify_all()
            return owned - share, new

    def _group(self, member: MemorySource) -> _Group:
        return self._groups.setdefault((member.group_id, member.topic), _Group())


def _ignore(*_: object) -> None:
    """Nobody listens."""


class MemorySource:
    """A member of a group on an embedded broker; a member that never polls keeps its partitions until it closes."""

    def __init__(
        self,
        broker: Broker,
        topic: str,
        group_id: str,
        auto_offset_reset: Literal["earliest", "latest"] = "earliest",
        on_lost_offsets: Policy = "earliest",
    ) -> None:
        self.topic = topic
        self.group_id = group_id
        self._broker = broker
        self._latest = auto_offset_reset == "latest"
        self._on_lost_offsets: Policy = on_lost_offsets
        self._positions: dict[TopicPartition, int] = {}
        self._deletions = 0
        self._on_revoked: OnRevoked | None = None
        self._on_lost: OnRecordsLost = _ignore

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnRecordsLost = _ignore) -> None:
        """Joins the group."""
        if self._on_revoked is None:
            self._broker.join(self)
            self._deletions = self._broker.deletions(self.topic)
        self._on_revoked, self._on_lost = on_revoked, on_lost

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Waits for records, or for partitions that come or go."""
        found: list[Record] = []

        def anything() -> bool:
            self._rebalance()
            for place in sorted(self._positions):
                self._mend(place)
                found.extend(self._broker.read(place, self._positions[place], max_records - len(found)))
            return bool(found)

        with self._broker.changed:
            self._broker.changed.wait_for(anything, timeout_s)
        for record in found:
            self._positions[record.topic_partition] = record.offset + 1
        return found

    def heartbeat(self, timeout_s: float) -> None:
        """Takes part in rebalances and reads nothing."""

        def never() -> bool:
            self._rebalance()
            return False

        with self._broker.changed:
            self._broker.changed.wait_for(never, timeout_s)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps the offsets of the partitions that are still this member's."""
        self._broker.commit(self, offsets)

    def close(self) -> None:
        """Leaves the group."""
        self._broker.leave(self)
        self._on_revoked = None
        self._positions.clear()

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records that `poll` has not given."""
        with self._broker.changed:
            return {place: self._broker.end(place) - position for place, position in self._positions.items()}

    def _rebalance(self) -> None:
        self._watch()
        revoked, new = self._broker.rebalance(self)
        for place in revoked:
            del self._positions[place]
        for place in new:
            self._positions[place] = self._beginning(place)
        if revoked:
            self._tell(revoked)

    def _watch(self) -> None:
        """A topic that was made anew is begun anew."""
        if (deletions := self._broker.deletions(self.topic)) == self._deletions:
            return
        if not self._broker.exists(self.topic):
            raise TransientError(f"topic {self.topic} is gone; it is waited for")
        for place in list(self._positions):
            self._mend(place, topic_recreated=True)
        self._deletions = deletions

    def _mend(self, place: TopicPartition, *, topic_recreated: bool = False) -> None:
        """Goes on where there is something, if the position is not in the topic."""
        position, beginning, end = self._positions[place], self._broker.beginning(place), self._broker.end(place)
        if beginning <= position <= end and not topic_recreated:
            return
        found = LostOffset(place, position, beginning, end, topic_recreated)
        resumed = found.resume(self._on_lost_offsets)
        backwards = topic_recreated or resumed < position
        if backwards:
            self._tell({place})
        if backwards or self._broker.committed(self.group_id, place) == position:
            self._broker.commit(self, {place: resumed})
        self._positions[place] = resumed
        found.report(resumed, self._on_lost_offsets, self._on_lost)

    def _beginning(self, place: TopicPartition) -> int:
        committed = self._broker.committed(self.group_id, place)
        if committed is not None:
            return committed
        every = [TopicPartition(self.topic, number) for number in range(self._broker.partitions(self.topic))]
        if self._latest and all(self._broker.committed(self.group_id, each) is None for each in every):
            # For the whole topic, so that what is missing later was added later.
            self._broker.keep(self.group_id, {each: self._broker.end(each) for each in every})
            return self._broker.end(place)
        return self._broker.beginning(place)

    def _tell(self, revoked: Collection[TopicPartition]) -> None:
        if self._on_revoked is not None:
            self._on_revoked(revoked)


class MemoryProducer:
    """Writes to an embedded broker; a record is kept when `write` returns."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Writes all or none."""
        self._broker.append(topic, records)

    def close(self) -> None:
        """Leaves the broker open, as it is not the producer's."""
