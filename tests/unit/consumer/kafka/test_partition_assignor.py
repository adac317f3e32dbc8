"""The partitions that a member names as its own when it joins a group."""

from __future__ import annotations

from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment
from kafka.structs import TopicPartition

from consumer.kafka.partition_assignor import OwnedPartitionsAssignor


def claimed(assignor: OwnedPartitionsAssignor) -> set[TopicPartition]:
    """The partitions in a join request, as the leader reads them."""
    return set(assignor.parse_member_metadata(assignor.metadata(["events"])).partitions)


def test_a_new_member_claims_nothing() -> None:
    """A consumer without an assignment."""
    assert claimed(OwnedPartitionsAssignor()) == set()


def test_claims_are_what_the_consumer_owns() -> None:
    """The last assignment does not count: the member may have been removed since, or have missed another one."""
    assignor, owned = OwnedPartitionsAssignor(), {TopicPartition("events", 0), TopicPartition("events", 2)}
    assignor.on_assignment(ConsumerProtocolAssignment(1, [("events", [0, 1, 2])], b""), 7)
    assignor.owned = lambda: owned
    assert claimed(assignor) == owned
    owned.clear()
    assert claimed(assignor) == set()
