"""The backlog: an outbox that takes nothing and gives out all that waits in a queue, whoever emitted it."""

from collections.abc import Iterator
from contextlib import contextmanager

from emitter.outbox import Counts, Disk, Outbox
from emitter.window import Window


class Backlog(Outbox):
    """What `headwater-dbt spool flush` sends.

    Args:
        disk: The queue to empty; its journal takes the set-aside events again.
    """

    def __init__(self, disk: Disk) -> None:
        super().__init__(memory_bytes=0, open_disk=lambda: disk)
        self._disk = disk
        self._done = 0
        self._set_aside = 0
        self._left = 0
        self.count()

    def count(self) -> None:
        """Looks how much there is."""
        if self._disk is not None:
            self._left = sum(1 for _ in self._disk.queue.waiting())

    def take_back_aside(self) -> None:
        """Puts the events that were set aside into the queue again, as the limits may have been raised."""
        if self._disk is None:
            return
        for path, (record, _) in self._disk.queue.aside().items():
            self.append(record)
            path.unlink()
        self.count()

    def counts(self) -> Counts:
        """What this process sent and set aside, and what of the queue is left."""
        return Counts(sent=self._done, waiting=self._left, aside=self._set_aside, lost=self._lost)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Takes the turn as any outbox; looks again how much is left, as processes that run may add or send."""
        with super().turn():
            yield
        self.count()

    def advance(self, window: Window, sent: int, aside: int) -> None:
        """Settles records as any outbox, and counts them."""
        super().advance(window, sent, aside)
        self._done += sent
        self._set_aside += aside
        self._left = max(0, self._left - sent - aside)
