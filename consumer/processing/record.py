"""A record of a topic, and the place where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, Self

Headers = tuple[tuple[str, bytes], ...]
"""A record's headers in their order; a name may come twice."""


KEPT_BYTES: Final = 64 * 1024
"""How many bytes are kept of a value that can't be an event for its length."""


class Cut(NamedTuple):
    """The whole value, of which only the first bytes are kept.

    Attributes:
        length: Its length in bytes.
        sha256: Its SHA-256, in hexadecimal digits.
    """

    length: int
    sha256: str

    @classmethod
    def of(cls, value: bytes) -> Self:
        """Length and SHA-256 of a whole value."""
        return cls(len(value), sha256(value).hexdigest())


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
        cut: What the value was, if only its first bytes are kept.
        by_broker: True if the broker set the timestamp, by its own clock.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    flaw: str = ""
    cut: Cut | None = None
    by_broker: bool = False

    @property
    def place(self) -> TopicPartition:
        """The partition that holds it."""
        return TopicPartition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers, as they are held."""
        return len(self.key or b"") + len(self.value or b"") + _header_bytes(self.headers)

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


def _header_bytes(headers: Headers) -> int:
    return sum(len(name) + len(data) for name, data in headers) if headers else 0
