"""Who watches the loop: metrics, health, and the benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from consumer.processing.record import TopicPartition


@dataclass(frozen=True, slots=True)
class Report:
    """One batch that is written and committed.

    Attributes:
        records: How many records it had.
        events: How many of them were events.
        rejected: How many are dead letters now.
        size: Bytes of keys and values.
        seconds: From the first record's arrival to the commit.
        write_s: How long the sink took, tries and waits included, in seconds.
        newest_ms: The latest timestamp of its records, in milliseconds since 1970.
    """

    records: int
    events: int
    rejected: int
    size: int
    seconds: float
    write_s: float
    newest_ms: int


class Observer(Protocol):
    """Told of what the loop does, on the loop's thread; must return at once and raise nothing."""

    def committed(self, report: Report) -> None:
        """A batch is durable and its offsets are committed."""

    def failed(self, step: str, error: Exception) -> None:
        """A try at a step (`joining`, `polling`, `writing`, `committing`) failed; it is tried again."""

    def lost(self, place: TopicPartition, records: int) -> None:
        """Records are gone from the topic that the group had not read: retention overtook it."""


class Unobserved:
    """Watches nothing."""

    def committed(self, report: Report) -> None:
        """Not noted."""

    def failed(self, step: str, error: Exception) -> None:
        """Not noted."""

    def lost(self, place: TopicPartition, records: int) -> None:
        """Not noted."""
