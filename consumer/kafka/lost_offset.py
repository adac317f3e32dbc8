"""A group's offset that its topic does not have: lost to retention, to truncation, or with a recreated topic.

The consumer detects it, and acts by the decision made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import structlog

from consumer.errors import UsageError
from consumer.processing.ports import OnRecordsLost
from consumer.processing.record import TopicPartition
from schemas.counted import counted

Policy = Literal["earliest", "latest", "stop"]
"""`kafka.on_lost_offsets`: resume at the earliest record, at the end, or not at all."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LostOffset:
    """A group's offset that its partition does not have.

    Attributes:
        topic_partition: The partition.
        position: The group's offset.
        beginning: The smallest offset in the partition.
        end: The offset of the next record to be written.
        topic_recreated: True if the topic was recreated, so that the group's offset is of the deleted one.
    """

    topic_partition: TopicPartition
    position: int
    beginning: int
    end: int
    topic_recreated: bool = False

    def resume(self, policy: Policy) -> int:
        """Returns the offset at which to resume.

        Raises:
            UsageError: The policy leaves the decision to a person.
        """
        if policy == "stop":
            raise UsageError(
                f"{self}; kafka.on_lost_offsets is stop: set it to earliest or latest to resume, or reset the group's"
                " offsets"
            )
        return self.beginning if policy == "earliest" else self.end

    def lost(self, resumed: int) -> int:
        """Returns the number of offsets that the group never reads when it resumes at `resumed`."""
        return resumed - min(self.position, self.beginning)

    def report(self, resumed: int, policy: Policy, on_lost: OnRecordsLost) -> None:
        """Logs where the group resumes: as an error, with a call of `on_lost`, if records are lost."""
        lost = self.lost(resumed)
        log = _log.error if lost else _log.warning
        log("offset lost, resuming", reason=str(self), resuming_at=resumed, lost=lost, on_lost_offsets=policy)
        if lost:
            on_lost(self.topic_partition, lost)

    def __str__(self) -> str:
        there = f"the topic begins at {self.beginning} and ends at {self.end}"
        if self.topic_recreated:
            recreated = "the topic was deleted and recreated"
            return f"{self.topic_partition}: {recreated}; the group was at {self.position}, and {there}"
        where = f"{self.topic_partition}: the group is at {self.position}, but {there}"
        if self.position < self.beginning:
            return f"{where}: retention removed {counted(self.beginning - self.position, 'unread record')}"
        return f"{where}: the topic was recreated, or its log was truncated"
