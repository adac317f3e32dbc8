"""Ports of the stream engine: a source of records and a producer of records. No client library is imported here.

A rebalance revokes partitions only while `poll` or `heartbeat` runs. `on_revoked` receives them, and uncommitted
records of theirs are dropped, because the new owner reads them again. The same holds for a topic that was recreated or
truncated: its partitions are revoked, and read from their start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from consumer.errors import UsageError
from consumer.processing.record import Headers, Record, TopicPartition

OnRevoked = Callable[[Collection[TopicPartition]], None]
"""Called with the revoked partitions on the polling thread, before `poll` returns records."""

OnRecordsLost = Callable[[TopicPartition, int], None]
"""Called with a partition and the number of its records that the group will never read.

Called on the polling thread, after retention or truncation, or when `latest` skips records. The number is one of
offsets: exact, unless transactions or compaction left gaps.
"""

Outgoing = tuple[bytes | None, bytes | None, Headers]
"""Key, value, headers."""


def _ignore(*_: object) -> None:
    """Ignores lost records."""


class RecordSource(Protocol):
    """A member of a consumer group; used by one thread.

    Every method raises `TransientError` when the broker can't serve now, and `UsageError` when it rejects the settings.
    """

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnRecordsLost = _ignore) -> None:
        """Joins the group; safe to call again after a failure.

        Args:
            on_revoked: Called with revoked partitions.
            on_lost: Called for records that left the topic before the group read them, also while it was stopped.
        """
        ...

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Returns the next records, in order within each partition; none if none arrived in time.

        A rebalance may extend the wait by a few seconds.
        """
        ...

    def heartbeat(self, timeout_s: float) -> None:
        """Keeps the membership for up to `timeout_s` seconds without reading records."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Stores the offset at which the group resumes, for each partition: the last durable one, plus one."""
        ...

    def lag(self) -> Mapping[TopicPartition, int]:
        """Returns the number of records not yet polled of each owned partition, without a request.

        The number is as of the last fetch, so it is constant while `heartbeat` pauses the reading. A partition without
        a fetch is left out. Any thread may call this method.
        """
        ...

    def close(self) -> None:
        """Leaves the group, so that others take over at once. Commits nothing."""
        ...


class TooLargeError(UsageError):
    """A topic rejects some records for their size; all others of the call are stored.

    Attributes:
        refused: Indexes of the rejected records in the call, from 0.
    """

    def __init__(self, topic: str, refused: Sequence[int]) -> None:
        super().__init__(f"topic {topic} does not accept a record of this size; raise its max.message.bytes")
        self.refused = tuple(refused)


class Producer(Protocol):
    """A writer of records to topics."""

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Writes all records, in order for each key, and waits until they are stored.

        Raises:
            TransientError: Some may not be stored; write all of them again.
            TooLargeError: Some are rejected for their size.
            UsageError: The broker rejects them until the settings or the topic change.
        """
        ...

    def close(self) -> None:
        """Closes the connections."""
        ...
