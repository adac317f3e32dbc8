"""The outbox of `headwater-dbt spool flush`: it accepts nothing and returns all records of a queue."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emitter.delivery.outbox import Counts, Outbox, Spool
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.send_batch import SendBatch


class FlushOutbox(Outbox):
    """The records of a queue: first those that wait, then those that were quarantined, once more.

    The limits may have been raised since. Quarantined events are sent from their files, one by one in the order of
    their times, and the files stay until Kafka has the events: a full spool has no room for a second copy.

    Args:
        spool: The queue to empty; nothing is appended to its writer.
    """

    def __init__(self, spool: Spool) -> None:
        super().__init__(memory_bytes=0, open_spool=lambda: spool)
        self._spool = spool
        self._queue = spool.queue
        # An event that this flush quarantines is not retried by it.
        self._again = deque(spool.queue.quarantined_files())
        self._trying: Record | None = None
        self._done = 0
        self._quarantined = 0
        self._left = 0
        self.count()

    def count(self) -> None:
        """Counts the records that are left."""
        self._left = len(self._again) + sum(1 for _ in self._queue.waiting())

    def counts(self) -> Counts:
        """Returns the counts of what this process sent and quarantined, and of what is left in the queue."""
        return Counts(sent=self._done, waiting=self._left, quarantined=self._quarantined, lost=len(self._lost))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Holds the lock as any outbox, then counts again what is left: other processes append and send meanwhile."""
        with super().exclusive():
            yield
        self.count()

    def next_batch(self) -> SendBatch | None:
        """Returns the next records that wait; after the last of them, the next quarantined record."""
        self._trying = None
        if batch := super().next_batch():
            return batch
        if self._is_exclusive:
            with self._tolerate_read_errors():
                return self._next_again()
        return None

    def advance(self, batch: SendBatch, sent: int, quarantined: int) -> None:
        """Marks records as done as any outbox, and counts them.

        Raises:
            SpoolError: The progress can't be written to disk.
        """
        if self._trying is None:
            super().advance(batch, sent, quarantined)
        elif sent + quarantined:
            self._settle(self._again[0], sent)
        self._done += sent
        self._quarantined += quarantined
        self._left = max(0, self._left - sent - quarantined)

    def quarantine(self, record: Record, reason: str) -> None:
        """Quarantines a record that can't be sent now either.

        Raises:
            SpoolError: The record can't be written, so it stays in its segment.
        """
        try:
            self._queue.quarantine(record, reason)
        except OSError as error:
            if record == self._trying:
                return
            problem = f"can't quarantine an event in {self._queue.folder}: {error.strerror or error}"
            raise SpoolError(f"{problem}: make room there and flush again") from error

    def _next_again(self) -> SendBatch | None:
        while self._again:
            if found := self._queue.read_quarantined(self._again[0]):
                self._trying, _ = found
                return SendBatch((self._trying,), path=self._again[0])
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
