"""The group's partition assignor: cooperative-sticky, with the partitions that a member owns at the moment it joins."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import TopicPartition as KafkaPartition


def _none() -> Collection[KafkaPartition]:
    """Returns no partition: a consumer that has not joined owns none."""
    return ()


class OwnedPartitionsAssignor(CooperativeStickyAssignor):  # type: ignore[misc] # the library has no types
    """Names the partitions that the consumer owns now, as Kafka's Java client does.

    The library's assignor names those of the last assignment that it has seen, also after the coordinator removed the
    member. The leader withholds a partition from its new owner until the member that named it has revoked it and joins
    again. A removed member has nothing to revoke, so the partition stayed without an owner, in a stable group, until
    the next rebalance (kafka-python 3.0.12).

    Attributes:
        owned: Returns the partitions that the consumer owns; set once the consumer exists.
    """

    def __init__(self) -> None:
        super().__init__()
        self.owned = _none

    def metadata(self, topics: Iterable[str]) -> Any:
        """Returns the description of a member that the leader reads."""
        self.member_assignment = list(self.owned())
        return super().metadata(topics)
