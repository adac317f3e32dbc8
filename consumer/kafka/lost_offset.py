"""What to do when a group stands at an offset that its topic does not have: retention, a cut-off end, a new topic.

The sources find out, and do what is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import structlog

from consumer.errors import UsageError
from consumer.processing.ports import OnLost
from consumer.processing.record import TopicPartition

Policy = Literal["earliest", "latest", "stop"]
"""`kafka.on_lost_offsets`: go on at the oldest record that is there, at the end, or not at all."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LostOffset:
    """A place in a partition that is not there.

    Attributes:
        place: The partition.
        position: The offset at which the group would go on.
        beginning: The least offset that is there.
        end: The offset that the next record will have.
        anew: The topic is another one of the same name, so that what was read was read of the old one.
    """

    place: TopicPartition
    position: int
    beginning: int
    end: int
    anew: bool = False

    def resume(self, policy: Policy) -> int:
        """The offset at which to go on.

        Raises:
            UsageError: A person is to decide.
        """
        if policy == "stop":
            raise UsageError(
                f"{self}; kafka.on_lost_offsets is stop: set it to earliest or latest to go on, or give the group"
                " other offsets"
            )
        return self.beginning if policy == "earliest" else self.end

    def lost(self, resumed: int) -> int:
        """How many offsets the group will not have read when it goes on at `resumed`."""
        return resumed - min(self.position, self.beginning)

    def tell(self, resumed: int, policy: Policy, on_lost: OnLost) -> None:
        """Says in the log where the group goes on; as an error, and to `on_lost`, if records are lost by it."""
        lost = self.lost(resumed)
        say = _log.error if lost else _log.warning
        say(str(self), going_on_at=resumed, lost=lost, on_lost_offsets=policy)
        if lost:
            on_lost(self.place, lost)

    def __str__(self) -> str:
        there = f"the topic begins at {self.beginning} and ends at {self.end}"
        if self.anew:
            return f"{self.place}: the topic was deleted and made anew; the group was at {self.position}, and {there}"
        where = f"{self.place}: the group is at {self.position}, but {there}"
        if self.position < self.beginning:
            return f"{where}: retention took {self.beginning - self.position} records that were not read"
        return f"{where}: it was made anew, or its end was lost"
