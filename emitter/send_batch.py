"""The records that are sent together, before more are read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from emitter.record import Record

# A batch is sent before the next is read; together with Kafka's own batches it bounds memory and duplicates.
BATCH_BYTES = 1024 * 1024
# A larger record is sent alone, so that no other record overtakes it if Kafka rejects it as too large.
LARGE_BYTES = 128 * 1024

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class SendBatch:
    """The next records to send, in order, of one segment.

    Attributes:
        records: The records.
        ends: The offset in the segment at which each record ends, in bytes.
        path: The segment; None for records in memory.
        start: The offset in the segment at which the first record begins, in bytes.
    """

    records: tuple[Record, ...]
    ends: tuple[int, ...] = ()
    path: Path | None = None
    start: int = 0

    def first(self) -> "SendBatch":
        """Returns a batch of the first record alone."""
        return SendBatch(self.records[:1], self.ends[:1], self.path, self.start)


def fill(items: Iterable[Item], size: Callable[[Item], int]) -> list[Item]:
    """Returns the leading items that make one batch: at most BATCH_BYTES, and a large item alone."""
    taken: list[Item] = []
    total = 0
    for item in items:
        total += size(item)
        if taken and (size(item) > LARGE_BYTES or total > BATCH_BYTES):
            break
        taken.append(item)
        if size(item) > LARGE_BYTES:
            break
    return taken
