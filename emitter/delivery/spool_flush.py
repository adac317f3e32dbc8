"""The backlog: an outbox that takes nothing and gives out all that is in a queue, whoever emitted it."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emitter.delivery.outbox import Counts, Disk, Outbox
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.send_batch import Window


class Backlog(Outbox):
    """What `headwater-dbt spool flush` sends: all that waits, then once more what had been set aside.

    The limits may have been raised since. Set-aside events are sent from where they are, one by one in the order of
    their times, and stay there until Kafka has them: a full spool or disk has no room to put them elsewhere.

    Args:
        disk: The queue to empty; nothing is appended to its journal.
    """

    def __init__(self, disk: Disk) -> None:
        super().__init__(memory_bytes=0, open_disk=lambda: disk)
        self._disk = disk
        self._queue = disk.queue
        # What this flush itself sets aside is not tried by it again.
        self._again = deque(disk.queue.notes())
        self._trying: Record | None = None
        self._done = 0
        self._set_aside = 0
        self._left = 0
        self.count()

    def count(self) -> None:
        """Looks how much there is."""
        self._left = len(self._again) + sum(1 for _ in self._queue.waiting())

    def counts(self) -> Counts:
        """What this process sent and set aside, and what of the queue is left."""
        return Counts(sent=self._done, waiting=self._left, aside=self._set_aside, lost=len(self._lost))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Takes the turn as any outbox; looks again how much is left, as processes that run may add or send."""
        with super().turn():
            yield
        self.count()

    def window(self) -> Window | None:
        """The next records that wait; once none does, the next one that had been set aside."""
        self._trying = None
        if window := super().window():
            return window
        if self._has_turn:
            with self._mended():
                return self._next_again()
        return None

    def advance(self, window: Window, sent: int, aside: int) -> None:
        """Settles records as any outbox, and counts them.

        Raises:
            SpoolError: if that can't be noted on disk.
        """
        if self._trying is None:
            super().advance(window, sent, aside)
        elif sent + aside:
            self._settle(self._again[0], sent)
        self._done += sent
        self._set_aside += aside
        self._left = max(0, self._left - sent - aside)

    def set_aside(self, record: Record, reason: str) -> None:
        """Keeps a record that can't be sent now either; one that can't be put anywhere goes on waiting.

        Raises:
            SpoolError: if it has no other place than the one where it waits.
        """
        try:
            self._queue.set_aside(record, reason)
        except OSError as error:
            if record == self._trying:
                return
            problem = f"can't set an event aside in {self._queue.folder}: {error.strerror or error}"
            raise SpoolError(f"{problem}: make room there and flush again") from error

    def _next_again(self) -> Window | None:
        while self._again:
            if found := self._queue.read_note(self._again[0]):
                self._trying, _ = found
                return Window((self._trying,), path=self._again[0])
            self._again.popleft()
        return None

    def _settle(self, note: Path, sent: int) -> None:
        try:
            if sent:
                note.unlink(missing_ok=True)
        except OSError as error:
            advice = "delete it, or it is sent again"
            raise SpoolError(f"{note} is sent and can't be deleted: {error.strerror or error}: {advice}") from error
        self._again.popleft()
