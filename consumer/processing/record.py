"""A record of a topic."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, Self

Headers = tuple[tuple[str, bytes], ...]
"""A record's headers in their order; a name may occur twice."""


TRUNCATED_BYTES: Final = 64 * 1024
"""Bytes that are kept of a value that is too long to be an event."""


class Truncation(NamedTuple):
    """Length and hash of a whole value, of which only the first bytes are kept.

    Attributes:
        length: Length in bytes.
        sha256: SHA-256 in hexadecimal digits.
    """

    length: int
    sha256: str

    @classmethod
    def of(cls, value: bytes) -> Self:
        """Returns length and SHA-256 of a whole value."""
        return cls(len(value), sha256(value).hexdigest())


class TopicPartition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the broker stores it.

    Attributes:
        topic: Name of the topic.
        partition: Number of the partition, from 0.
        offset: Position in the partition; rises, but not always by one.
        key: The key that chose the partition, if any.
        value: The document; `None` is a tombstone.
        timestamp_ms: Milliseconds since 1970 in UTC, as set by the producer or the broker.
        headers: Names and values of the headers.
        parse_error: Why the record can't be parsed; empty if it can. The value of an unparsed record is its raw bytes.
        truncation: Length and hash of the whole value, if only its first bytes are kept.
        by_broker: True if the broker set the timestamp, by its own clock.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers = ()
    parse_error: str = ""
    truncation: Truncation | None = None
    by_broker: bool = False

    @property
    def topic_partition(self) -> TopicPartition:
        """The partition that holds the record."""
        return TopicPartition(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes of key, value and headers in memory."""
        return len(self.key or b"") + len(self.value or b"") + _header_bytes(self.headers)

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"


def _header_bytes(headers: Headers) -> int:
    return sum(len(name) + len(data) for name, data in headers) if headers else 0
