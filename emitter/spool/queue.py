"""The queue: the waiting records of all processes for one topic, in order, and the lock of the sending process."""

import errno
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from emitter.record import Record
from emitter.send_batch import SendBatch, fill
from emitter.spool.frame import decode, is_torn
from emitter.spool.layout import write_atomically
from emitter.spool.private_files import is_still, open_own, read_own
from emitter.spool.segment import (
    HEAD_SIZE,
    SUFFIX,
    Progress,
    is_readable,
    left_behind,
    read_progress,
    write_progress,
)

# A segment whose bytes are neither records nor a torn write is kept under this name, for inspection.
DAMAGED = ".damaged"

# Deleted meanwhile; a link; not a plain file or not this user's.
_NOT_OURS = (errno.ENOENT, errno.ELOOP, errno.EPERM)


class Queue:
    """The records that wait in a folder made by `open_queue`; they may be sent only while `exclusive` is held.

    Args:
        folder: The queue's folder.
        topic: The topic of its records.
        now: Returns the seconds since 1970, for the time of the last error.
    """

    def __init__(self, folder: Path, topic: str, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._topic = topic
        self._now = now

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Holds the lock of the sending process; yields False if another process has it.

        Raises:
            OSError: The lock file can't be opened.
        """
        if (file := self._locked(self.folder / "flusher.lock")) is None:
            yield False
            return
        with suppress(OSError):  # the process id is for people; a full disk must not prevent sending
            os.pwrite(file, b"%-20d\n" % os.getpid(), 0)
        try:
            yield True
        finally:
            os.close(file)

    def _locked(self, path: Path) -> int | None:
        """Opens and locks a file; returns None if another process has locked it.

        A lock belongs to the file and not to its name. If the file was deleted meanwhile, the next process would lock a
        new file of that name, and both would send.
        """
        while True:
            file = open_own(path, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return None
            if is_still(path, file):
                return file
            os.close(file)

    def next_batch(self) -> SendBatch | None:
        """Returns the oldest unsent records, or None if nothing waits; deletes segments that are sent and left behind.

        Raises:
            OSError: A segment can't be read.
        """
        # Listed first, read second: a process seals a segment before it creates the next.
        for path in self.segments():
            with _opened(path) as file:
                if file is None:
                    continue
                if os.fstat(file).st_size < HEAD_SIZE:
                    path.unlink(missing_ok=True)  # the head is incomplete, which only a power failure causes
                elif is_readable(file) and (batch := self._next(path, file)):
                    return batch
        return None

    def advance(self, batch: SendBatch, sent: int, quarantined: int) -> None:
        """Records on disk that the first `sent + quarantined` records of a batch are done.

        Raises:
            OSError: The progress can't be written.
        """
        if batch.path is None or not sent + quarantined:
            return
        with _opened(batch.path) as file:
            # If the progress differs by now, it was damaged, or another process has sent these records too. Records
            # that it does not count are sent again.
            if file is not None and (before := read_progress(file)).end == batch.start:
                end = batch.ends[sent + quarantined - 1]
                write_progress(file, Progress(end, before.sent + sent, before.quarantined + quarantined))

    def quarantine(self, record: Record, reason: str) -> None:
        """Keeps a record that can't be sent, byte for byte, with the reason; idempotent.

        Raises:
            OSError: The record can't be written.
        """
        note = {
            "reason": reason,
            "key": record.key.decode(errors="surrogateescape"),
            "timestamp_ms": record.timestamp_ms,
            "value": record.value.decode(errors="surrogateescape"),
        }
        name = f"{record.timestamp_ms:015d}-{hashlib.sha256(record.key + record.value).hexdigest()[:12]}.json"
        # Durable, because the record is deleted next where it waited.
        write_atomically(self.folder / "quarantine" / name, json.dumps(note, indent=1).encode(), durable=True)

    def quarantined_files(self) -> Sequence[Path]:
        """Returns the files of quarantined records, in the order of the records' times."""
        return sorted((self.folder / "quarantine").glob("*.json"))

    def read_quarantined(self, path: Path) -> tuple[Record, str] | None:
        """Returns the record of such a file with its reason; None if the file is damaged or was deleted meanwhile."""
        try:
            note = json.loads(read_own(path))
            key, value = (note[name].encode(errors="surrogateescape") for name in ("key", "value"))
            timestamp_ms, reason = note["timestamp_ms"], note["reason"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        sound = isinstance(timestamp_ms, int) and isinstance(reason, str)
        return (Record(self._topic, key, value, timestamp_ms), reason) if sound else None

    def quarantined(self) -> dict[Path, tuple[Record, str]]:
        """Returns the quarantined records with their reasons, by file, without those that can't be read."""
        return {path: found for path in self.quarantined_files() if (found := self.read_quarantined(path))}

    def record_error(self, reason: str | None) -> None:
        """Keeps the last reason why nothing could be sent, for `spool status`; None clears it."""
        path = self.folder / "last_error.json"
        # It is for people, and must not prevent sending.
        with suppress(OSError):
            if reason is None:
                path.unlink(missing_ok=True)
            else:
                write_atomically(path, json.dumps({"at": round(self._now(), 3), "error": reason}).encode())

    def waiting(self) -> Iterator[Record]:
        """Yields all unsent records in order; the lock is not needed."""
        for path in self.segments():
            with _opened(path) as file:
                if file is not None and is_readable(file):
                    yield from (found.record for found in _unsent(file, self._topic, read_progress(file).end))

    def segments(self) -> Sequence[Path]:
        """Returns the segments' files in the order in which they are sent."""
        return sorted(self.folder.glob(f"[0-9]*{SUFFIX}"))

    def _next(self, path: Path, file: int) -> SendBatch | None:
        over = left_behind(file)  # checked first: no record can be appended after that
        start = read_progress(file).end
        frames = fill(_unsent(file, self._topic, start), lambda found: found.record.size)
        if frames:
            return SendBatch(tuple(frame.record for frame in frames), tuple(frame.end for frame in frames), path, start)
        if over and _is_sound(file, self._topic):
            path.unlink(missing_ok=True)
        elif over:
            path.rename(path.with_suffix(DAMAGED))
        return None


class _Found(NamedTuple):
    record: Record
    end: int


def _is_sound(file: int, topic: str) -> bool:
    """True if a finished segment may be deleted.

    It holds only complete records, as many as are done, and possibly a write that never returned at its end.
    """
    progress = read_progress(file)
    data = os.pread(file, os.fstat(file).st_size - HEAD_SIZE, HEAD_SIZE)
    frames = list(decode(data, topic))
    if len(frames) != progress.sent + progress.quarantined:
        return False
    return all(frame.record for frame in frames) and is_torn(data[frames[-1].end if frames else 0 :])


def _unsent(file: int, topic: str, start: int) -> Iterator[_Found]:
    data = os.pread(file, os.fstat(file).st_size - start, start)
    for frame in decode(data, topic):
        if frame.record is not None:
            yield _Found(frame.record, start + frame.end)


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """Opens a segment; yields None if it was deleted meanwhile or is not a file of this user."""
    try:
        file = open_own(path, os.O_RDWR)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise
        yield None
        return
    try:
        yield file
    finally:
        os.close(file)
