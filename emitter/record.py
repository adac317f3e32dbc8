"""The record: one event as bytes on its way to a topic."""

from dataclasses import dataclass

MAX_BYTES = 8 * 1024 * 1024
"""The largest event that the consumer reads, in bytes before compression; a larger one becomes a dead letter."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message for a topic; `timestamp_ms` is the time of emission, in milliseconds since 1970."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int

    @property
    def size(self) -> int:
        """The approximate size of the record in memory, in bytes."""
        return len(self.key) + len(self.value)
