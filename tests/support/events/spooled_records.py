"""Records in a spool: made, appended and sent."""

from __future__ import annotations

import os
from pathlib import Path

from emitter.delivery.outbox import Spool
from emitter.errors import SpoolError
from emitter.record import Record
from emitter.spool.layout import Destination, open_queue
from emitter.spool.queue import Queue
from emitter.spool.spool_writer import SpoolWriter

TOPIC = Destination("b:1", "t")


def record(value: bytes = b"{}", key: bytes = b"k") -> Record:
    """Makes a record of the time 1000."""
    return Record("t", key, value, 1000)


def disk(root: Path, max_bytes: int = 2**30, segment_bytes: int = 2**20) -> Spool:
    """Opens a spool as a process of its own would."""
    folder = open_queue(root, TOPIC)
    return Spool(SpoolWriter(root, folder, max_bytes, segment_bytes), Queue(folder, "t"))


def drain(queue: Queue) -> list[Record]:
    """Sends all that waits, as a flusher whose broker takes everything."""
    sent: list[Record] = []
    with queue.exclusive() as mine:
        assert mine, "the turn was not given back"
        while batch := queue.next_batch():
            sent += batch.records
            queue.advance(batch, len(batch.records), 0)
    return sent


class Brittle:
    """A journal on a disk that fails at will."""

    def __init__(self, journal: SpoolWriter, code: int) -> None:
        self._journal = journal
        self._code = code
        self.broken = False
        self.progress, self.owns, self.close = journal.progress, journal.owns, journal.close

    def append(self, one: Record) -> None:
        """Appends, or fails as the journal does."""
        if self.broken:
            raise SpoolError(f"can't write to the spool: {os.strerror(self._code)}")
        self._journal.append(one)
