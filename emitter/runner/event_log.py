"""The event log: dbt's messages for the lineage process, in an unnamed file, with a pipe that wakes the reader.

dbt never waits for the reader, and messages are readable even after dbt was killed. The end of the pipe is the end of
dbt. dbt v2 does not write to the pipe: from its handover on, the file is polled ten times a second.
"""

import errno
import fcntl
import json
import os
import select
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from emitter.runner.shim import LOST, NOT_SUCCEEDED, SUCCEEDED

_CHUNK = 1 << 20
_RINGS = 4096
_MARK_BYTES = 8
_NOTE_BYTES = 1 << 16
_WHOLE, _PARTIAL = b"+", b"-"
_LOOK_S = 0.1

Message = dict[str, Any]
"""One line of `shim.py`: `name`, mostly dbt's event name, and its fields. A record of telemetry has no name."""


class EventLog(NamedTuple):
    """The files of one run of dbt, as descriptors.

    Attributes:
        file: The file of messages. dbt appends; the reader reads at its own offsets.
        wakeup_write: dbt's end of the pipe.
        wakeup_read: The reader's end of the pipe.
        progress: The reader's progress and summary, in a file that outlives the reader.
    """

    file: int
    wakeup_write: int
    wakeup_read: int
    progress: int

    @classmethod
    def make(cls) -> Self:
        """Creates the files.

        Raises:
            OSError: No folder for temporary files is writable, or it is full.
        """
        file, mark = _nameless(), _nameless()
        _reserve(mark)
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        listener, wakeup = os.pipe()
        return cls(file, wakeup, listener, mark)

    def unread(self) -> int:
        """Returns the number of messages that the reader has not processed."""
        position, count = int.from_bytes(os.pread(self.progress, _MARK_BYTES, 0), "little"), 0
        while chunk := os.pread(self.file, _CHUNK, position):
            position += len(chunk)
            count += chunk.count(b"\n")
        return count

    def note(self) -> "ReaderSummary | None":
        """Returns the reader's last summary; None if there is none."""
        size = int.from_bytes(os.pread(self.progress, _MARK_BYTES, _MARK_BYTES), "little")
        data = os.pread(self.progress, size, 2 * _MARK_BYTES)
        if not size or len(data) != size:
            return None
        return ReaderSummary(data[1:].decode(errors="replace"), is_complete=data[:1] == _WHOLE)


class ReaderSummary(NamedTuple):
    """The reader's summary for the process that outlives it.

    Attributes:
        text: The last line as of now; empty once it was logged.
        is_complete: True if all events of the run are made, so that the text covers all of them.
    """

    text: str
    is_complete: bool


def write_summary(mark: int, note: ReaderSummary) -> None:
    """Writes the summary in a single write, so that it is complete whenever this process is killed."""
    text = note.text.encode(errors="backslashreplace")[:_NOTE_BYTES]
    data = (_WHOLE if note.is_complete else _PARTIAL) + text
    os.pwrite(mark, len(data).to_bytes(_MARK_BYTES, "little") + data, _MARK_BYTES)


class Reader:
    """Reads the event log.

    Args:
        file: The file of messages.
        wakeup_read: The reader's end of the pipe.
        progress: The file of the reader's progress.
        is_needed: Returns False for a line that need not be parsed.

    Attributes:
        lost: The number of messages that dbt-core could not write.
        succeeded: dbt-core's outcome, if the message with it could not be written; else None.
    """

    def __init__(
        self, file: int, listener: int, mark: int, is_needed: Callable[[bytes], bool] = lambda _line: True
    ) -> None:
        self._file, self._listener, self._mark = file, listener, mark
        self._is_needed = is_needed
        self.lost = 0
        self.succeeded: bool | None = None
        self._interval: float | None = None
        self._other: tuple[Path, int] | None = None
        self._before_wait: Callable[[], None] = lambda: None

    def look(self) -> None:
        """Polls the file from now on, as dbt does not write to the pipe."""
        self._interval = _LOOK_S

    def turn_to(self, path: Path, size: int) -> None:
        """Reads another file from an offset on, also if it does not exist yet; it is never written."""
        self._other = path, size

    def messages(self, before_wait: Callable[[], None] = lambda: None) -> Iterator[Message]:
        """Yields each message as it arrives; ends after dbt, without an incomplete last line.

        A line that is not a JSON object is yielded as a message without a name.
        A message counts as processed when the next one is requested.

        Args:
            before_wait: Called when all messages so far are processed, before more are waited for.
        """
        self._before_wait = before_wait
        yield from self._lines(self._file, 0, mark=True)
        if self._other is not None:
            path, size = self._other
            yield from self._lines_of(path, size)

    def _lines_of(self, path: Path, size: int) -> Iterator[Message]:
        running = True
        # A pipe or a device is not opened, since another program reads it.
        while running and not path.is_file():
            running = self._wait()
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            yield from self._lines(file, size, mark=False)
            os.close(file)

    def _lines(self, file: int, position: int, *, mark: bool) -> Iterator[Message]:
        rest, done, running = b"", position, True
        while running and (self._other is None or not mark):
            running = self._wait()
            while chunk := os.pread(file, _CHUNK, position):
                position += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    done += len(line) + 1
                    if line and self._is_needed(line):
                        yield _message(line)
                        self._note(done, mark=mark)
                self._note(done, mark=mark)

    def _note(self, done: int, *, mark: bool) -> None:
        if mark:
            os.pwrite(self._mark, done.to_bytes(_MARK_BYTES, "little"), 0)

    def _wait(self) -> bool:
        """Waits until there may be something to read; returns False once dbt has ended."""
        self._before_wait()
        if self._interval is not None and not select.select([self._listener], [], [], self._interval)[0]:
            return True
        rings = os.read(self._listener, _RINGS)
        self.lost += rings.count(LOST)
        if SUCCEEDED in rings or NOT_SUCCEEDED in rings:
            self.succeeded = SUCCEEDED in rings
        return bool(rings)


def has_writer(listener: int) -> bool:
    """Returns True as long as any process has the other end of a pipe open."""
    poll = select.poll()
    poll.register(listener, 0)
    return not any(event & select.POLLHUP for _, event in poll.poll(0))


def messages(file: int, listener: int, mark: int) -> Iterator[Message]:
    """Yields the messages of an event log that dbt-core writes, as `Reader.messages`."""
    return Reader(file, listener, mark).messages()


def _nameless() -> int:
    with tempfile.TemporaryFile() as unnamed:
        return os.dup(unnamed.fileno())


def _reserve(mark: int) -> None:
    """Takes the disk space of the progress and the summary, so that the reader can write them on a full disk."""
    size = 2 * _MARK_BYTES + len(_WHOLE) + _NOTE_BYTES
    if os.pwrite(mark, bytes(size), 0) < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _message(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"name": ""}
