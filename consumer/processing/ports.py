"""Ports of the stream engine: a source of records and a producer of records. No client library is imported here.

A rebalance takes partitions away while `poll` or `heartbeat` runs, and at no other time. Which ones is told to
`on_revoked`; what of them is in hand but not committed is dropped, because their new owner gets it again. So it is when
a topic was made anew, or has lost its end: its partitions are gone, and begin again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from consumer.errors import UsageError
from consumer.processing.record import Headers, Record, TopicPartition

OnRevoked = Callable[[Collection[TopicPartition]], None]
"""Told which partitions are gone; called on the thread that polls, before `poll` gives records."""

OnLost = Callable[[TopicPartition, int], None]
"""Told how many records of a partition are gone that the group had not read, or are left out by `latest`.

Called on the thread that polls. The count is one of offsets: exact, unless transactions or compaction left gaps.
"""

Outgoing = tuple[bytes | None, bytes | None, Headers]
"""Key, value, headers."""


def _ignore(*_: object) -> None:
    """Nobody listens yet."""


class Source(Protocol):
    """A member of a consumer group; used by one thread.

    Every method raises `TransientError` when the broker can't serve now, and `UsageError` when it refuses the settings.
    """

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnLost = _ignore) -> None:
        """Joins the group; safe to call again after it failed.

        Args:
            on_revoked: Told which partitions are gone.
            on_lost: Told of records that are gone from the topic before the group read them, also while it was away.
        """
        ...

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """The next records, in order within each partition; none if nothing came in time.

        A rebalance may make it wait a few seconds longer.
        """
        ...

    def heartbeat(self, timeout_s: float) -> None:
        """Keeps the membership for up to `timeout_s` seconds and takes no records."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps, for each partition, the offset at which the group goes on: the last one done, plus one."""
        ...

    def lag(self) -> Mapping[TopicPartition, int]:
        """For each partition that is owned, how many of its records `poll` has not given; asks nobody.

        As of the last answer to a fetch, so it stands still while `heartbeat` holds the reading; a partition that was
        not fetched from yet is left out. May be called on any thread.
        """
        ...

    def close(self) -> None:
        """Leaves the group, so that others take over at once. Commits nothing."""
        ...


class TooLargeError(UsageError):
    """A topic refuses some records for their size; all others of the call are kept.

    Attributes:
        refused: Their places in the call, from 0.
    """

    def __init__(self, topic: str, refused: Sequence[int]) -> None:
        super().__init__(f"topic {topic} does not take a record of this size: raise its max.message.bytes")
        self.refused = tuple(refused)


class Producer(Protocol):
    """Writes records to topics."""

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Writes all of them, in order for each key, and waits until they are kept.

        Raises:
            TransientError: Some may not have been kept; write all of them again.
            TooLargeError: Some are refused for their size.
            UsageError: The broker refuses them; something must be changed first.
        """
        ...

    def close(self) -> None:
        """Gives back the connections."""
        ...
