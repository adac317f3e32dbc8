"""The observer of the processor: port of metrics, health and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from consumer.processing.record import TopicPartition


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One batch that is written and committed.

    Attributes:
        records: Number of records.
        events: Number of events among the records.
        rejected: Number of dead letters among the records.
        size: Bytes of keys and values.
        seconds: Seconds from the first record's arrival to the commit.
        write_s: Seconds that the sink took, with retries and backoff.
        newest_ms: The latest timestamp of the records, in milliseconds since 1970.
    """

    records: int
    events: int
    rejected: int
    size: int
    seconds: float
    write_s: float
    newest_ms: int


class Observer(Protocol):
    """Receiver of the processor's progress, called on its threads; must return at once and raise nothing."""

    def committed(self, report: BatchReport) -> None:
        """Reports a batch that is durable and whose offsets are committed."""

    def failed(self, step: str, error: Exception) -> None:
        """Reports a failed attempt of a step (`joining`, `polling`, `writing`, `committing`), which will be retried."""

    def lost(self, topic_partition: TopicPartition, records: int) -> None:
        """Reports records that left the topic before the group read them, such as by retention."""


class NullObserver:
    """An observer that ignores everything."""

    def committed(self, report: BatchReport) -> None:
        """Ignores the batch."""

    def failed(self, step: str, error: Exception) -> None:
        """Ignores the failure."""

    def lost(self, topic_partition: TopicPartition, records: int) -> None:
        """Ignores the loss."""
