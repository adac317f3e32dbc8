"""The window: the records that are sent together, before more are read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from emitter.record import Record

# A window is sent before the next is read; together with Kafka's batches it bounds memory and repetition.
WINDOW_BYTES = 1024 * 1024
# A larger record goes alone, so that no other overtakes it should it prove too large.
LARGE_BYTES = 128 * 1024

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Window:
    """The next records to send, in order, of one segment.

    Attributes:
        records: The records.
        ends: Where each of them ends in the segment, in bytes from its beginning.
        path: The segment; None where they are not on disk.
        start: Where the first of them begins in the segment.
    """

    records: tuple[Record, ...]
    ends: tuple[int, ...] = ()
    path: Path | None = None
    start: int = 0

    def first(self) -> "Window":
        """The window of its first record."""
        return Window(self.records[:1], self.ends[:1], self.path, self.start)


def fill(items: Iterable[Item], size: Callable[[Item], int]) -> list[Item]:
    """Takes what makes a window from the beginning of some items: up to WINDOW_BYTES, and a large one alone."""
    taken: list[Item] = []
    total = 0
    for item in items:
        total += size(item)
        if taken and (size(item) > LARGE_BYTES or total > WINDOW_BYTES):
            break
        taken.append(item)
        if size(item) > LARGE_BYTES:
            break
    return taken
