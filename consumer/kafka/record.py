"""A record of a topic, and the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]
"""A record's headers in their order; a name may come twice."""


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the broker keeps it.

    Attributes:
        topic: Name of the topic.
        partition: Number of the partition, from 0.
        offset: Place in the partition; grows, but not always by one.
        key: What chose the partition, if anything did.
        value: The document; `None` is a tombstone.
        timestamp_ms: Milliseconds since 1970 in UTC, as the producer or the broker set it.
        headers: Names and bytes beside the document.
        flaw: Why it can't be read, if it can't; its value is then the raw bytes.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    flaw: str = ""

    @property
    def place(self) -> TopicPartition:
        """The partition that holds it."""
        return TopicPartition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes of key and value; headers are few and small."""
        return len(self.key or b"") + len(self.value or b"")

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"
