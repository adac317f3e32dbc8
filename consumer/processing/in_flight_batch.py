"""The batch between Kafka and the graph: read, and not yet committed."""

from __future__ import annotations

from concurrent.futures import Future
from typing import NamedTuple

from consumer.processing.batch import Batch
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.record import TopicPartition


class InFlightBatch(NamedTuple):
    """A batch that is being written.

    Attributes:
        batch: The batch.
        began: Start of the write, in seconds of the processor's clock.
        dead_letters: The batch's dead letters once it is durable; None if it was not written before a stop.
        revoked: Partitions that were revoked since. One that is assigned again has its records redelivered; of a
            recreated topic, the same offsets are other records.
    """

    batch: Batch
    began: float
    dead_letters: Future[list[DeadLetter] | None]
    revoked: set[TopicPartition]
