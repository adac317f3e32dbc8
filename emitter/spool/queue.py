"""The queue: all that waits for one topic, of all processes, in order; and the lock of the one that sends it."""

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
from emitter.send_batch import Window, fill
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

# A segment with something in it that is neither a record nor a torn write is kept under this name, for people.
DAMAGED = ".damaged"

# Deleted meanwhile; a link; not a plain file or not this user's.
_NOT_OURS = (errno.ENOENT, errno.ELOOP, errno.EPERM)


class Queue:
    """Reads and settles what waits in a folder made by `open_queue`; only under `turn`.

    Args:
        folder: The queue's folder.
        topic: Where its records go.
        now: Seconds since 1970, for notes.
    """

    def __init__(self, folder: Path, topic: str, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._topic = topic
        self._now = now

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Makes this process the one that sends; False if another one is.

        Raises:
            OSError: if the lock can't be opened.
        """
        if (file := self._locked(self.folder / "flusher.lock")) is None:
            yield False
            return
        with suppress(OSError):  # for people who look who it is; a full disk is no reason not to send
            os.pwrite(file, b"%-20d\n" % os.getpid(), 0)
        try:
            yield True
        finally:
            os.close(file)

    def _locked(self, path: Path) -> int | None:
        """Opens and locks a file; None if another process has locked it.

        A lock is one of the file and not of its name. If somebody has deleted the file meanwhile, the next process
        locks a new one of that name, and both would send.
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

    def window(self) -> Window | None:
        """The oldest unsent records, or None if nothing waits. Deletes segments that are done and left behind.

        Raises:
            OSError: if a segment can't be read.
        """
        # Listed first, read second: a process gives up a segment before it starts the next.
        for path in self.segments():
            with _opened(path) as file:
                if file is None:
                    continue
                if os.fstat(file).st_size < HEAD_SIZE:
                    path.unlink(missing_ok=True)  # not even the head is there, as only a power failure leaves it
                elif is_readable(file) and (window := self._next(path, file)):
                    return window
        return None

    def advance(self, window: Window, sent: int, aside: int) -> None:
        """Notes that the first `sent + aside` records of a window are settled.

        Raises:
            OSError: if it can't be written.
        """
        if window.path is None or not sent + aside:
            return
        with _opened(window.path) as file:
            # If the progress is another one by now, it was damaged, or another process has sent these records too. What
            # it does not count is sent once more.
            if file is not None and (before := read_progress(file)).end == window.start:
                end = window.ends[sent + aside - 1]
                write_progress(file, Progress(end, before.sent + sent, before.aside + aside))

    def set_aside(self, record: Record, reason: str) -> None:
        """Keeps a record that can't be sent, byte for byte, with the reason; twice is once.

        Raises:
            OSError: if it can't be written.
        """
        note = {
            "reason": reason,
            "key": record.key.decode(errors="surrogateescape"),
            "timestamp_ms": record.timestamp_ms,
            "value": record.value.decode(errors="surrogateescape"),
        }
        name = f"{record.timestamp_ms:015d}-{hashlib.sha256(record.key + record.value).hexdigest()[:12]}.json"
        # Durable, because the record is deleted next where it waited.
        write_atomically(self.folder / "aside" / name, json.dumps(note, indent=1).encode(), durable=True)

    def notes(self) -> Sequence[Path]:
        """The files of the records set aside, in the order of the records' times."""
        return sorted((self.folder / "aside").glob("*.json"))

    def read_note(self, path: Path) -> tuple[Record, str] | None:
        """The record of such a file with its reason; None if it is damaged, or has been deleted meanwhile."""
        try:
            note = json.loads(read_own(path))
            key, value = (note[name].encode(errors="surrogateescape") for name in ("key", "value"))
            timestamp_ms, reason = note["timestamp_ms"], note["reason"]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return None
        sound = isinstance(timestamp_ms, int) and isinstance(reason, str)
        return (Record(self._topic, key, value, timestamp_ms), reason) if sound else None

    def aside(self) -> dict[Path, tuple[Record, str]]:
        """The records set aside, by their file, with their reasons; without those that can't be read."""
        return {path: found for path in self.notes() if (found := self.read_note(path))}

    def note_trouble(self, reason: str | None) -> None:
        """Keeps the last reason why nothing could be sent, for `status`; None says that all is well again."""
        path = self.folder / "last_error.json"
        # It is for people to read, and must not stop what it tells about.
        with suppress(OSError):
            if reason is None:
                path.unlink(missing_ok=True)
            else:
                write_atomically(path, json.dumps({"at": round(self._now(), 3), "error": reason}).encode())

    def waiting(self) -> Iterator[Record]:
        """All unsent records in order, without taking a turn."""
        for path in self.segments():
            with _opened(path) as file:
                if file is not None and is_readable(file):
                    yield from (found.record for found in _unsent(file, self._topic, read_progress(file).end))

    def segments(self) -> Sequence[Path]:
        """The segments' files in the order in which they are sent."""
        return sorted(self.folder.glob(f"[0-9]*{SUFFIX}"))

    def _next(self, path: Path, file: int) -> Window | None:
        over = left_behind(file)  # asked first: what is read then is all that there will be
        start = read_progress(file).end
        frames = fill(_unsent(file, self._topic, start), lambda found: found.record.size)
        if frames:
            return Window(tuple(frame.record for frame in frames), tuple(frame.end for frame in frames), path, start)
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

    Nothing is in it but whole records, and as many as were settled, and at its end a write that never returned.
    """
    progress = read_progress(file)
    data = os.pread(file, os.fstat(file).st_size - HEAD_SIZE, HEAD_SIZE)
    frames = list(decode(data, topic))
    if len(frames) != progress.sent + progress.aside:
        return False
    return all(frame.record for frame in frames) and is_torn(data[frames[-1].end if frames else 0 :])


def _unsent(file: int, topic: str, start: int) -> Iterator[_Found]:
    data = os.pread(file, os.fstat(file).st_size - start, start)
    for frame in decode(data, topic):
        if frame.record is not None:
            yield _Found(frame.record, start + frame.end)


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """Opens a segment for reading and noting progress; None if it was deleted meanwhile or is not a file of ours."""
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
