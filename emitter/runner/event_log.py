"""What dbt says, on its way to the lineage process: a nameless file that dbt appends to, and a pipe that rings.

dbt never waits on it, however slow or dead its reader is, and what was written is readable even after dbt was killed.
The pipe's end is dbt's end. dbt v2 does not ring: from its handover on, the file is looked at ten times a second.
"""

import fcntl
import json
import os
import select
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

_CHUNK = 1 << 20
_RINGS = 4096
_MARK_BYTES = 8
_NOTE_BYTES = 1 << 16
_WHOLE, _PARTIAL = b"+", b"-"
_LOOK_S = 0.1

Message = dict[str, Any]
"""One line of `shim.py`: `name`, mostly dbt's event name, and what belongs to it. A record of telemetry has no name."""


class Journal(NamedTuple):
    """The files of one run of dbt, as descriptors.

    Attributes:
        file: Both processes share its offset: dbt appends, the reader reads at places of its own.
        bell: dbt's end of the pipe.
        listener: The reader's end.
        mark: A file of the reader's, which says how far it has come and what its last line would be. It can be asked
            after the reader's death.
    """

    file: int
    bell: int
    listener: int
    mark: int

    @classmethod
    def make(cls) -> Self:
        """Makes them.

        Raises:
            OSError: No folder for temporary files can be written.
        """
        file, mark = _nameless(), _nameless()
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        listener, bell = os.pipe()
        return cls(file, bell, listener, mark)

    def unread(self) -> int:
        """How many messages the reader has not done with."""
        position, count = int.from_bytes(os.pread(self.mark, _MARK_BYTES, 0), "little"), 0
        while chunk := os.pread(self.file, _CHUNK, position):
            position += len(chunk)
            count += chunk.count(b"\n")
        return count

    def note(self) -> "Note | None":
        """Returns the reader's last note; None if there is none."""
        size = int.from_bytes(os.pread(self.mark, _MARK_BYTES, _MARK_BYTES), "little")
        data = os.pread(self.mark, size, 2 * _MARK_BYTES)
        if not size or len(data) != size:
            return None
        return Note(data[1:].decode(errors="replace"), is_whole=data[:1] == _WHOLE)


class Note(NamedTuple):
    """What a reader of the journal leaves for whoever outlives it.

    Attributes:
        text: What its last line would be by now; empty once it was logged.
        is_whole: True if all events of the run are made, so that the text is about all of them.
    """

    text: str
    is_whole: bool


def leave_note(mark: int, note: Note) -> None:
    """Writes what `Journal.note` returns, in one write, so that it is whole whenever this process is killed."""
    text = note.text.encode(errors="backslashreplace")[:_NOTE_BYTES]
    data = (_WHOLE if note.is_whole else _PARTIAL) + text
    os.pwrite(mark, len(data).to_bytes(_MARK_BYTES, "little") + data, _MARK_BYTES)


class Reader:
    """Reads the journal.

    Args:
        file: The journal's file.
        listener: The pipe's end that rings.
        mark: The file that tells how far the reader has come.
        is_needed: Tells of a line, before it is parsed, if anybody wants it.
    """

    def __init__(
        self, file: int, listener: int, mark: int, is_needed: Callable[[bytes], bool] = lambda _line: True
    ) -> None:
        self._file, self._listener, self._mark = file, listener, mark
        self._is_needed = is_needed
        self._interval: float | None = None
        self._other: tuple[Path, int] | None = None

    def look(self) -> None:
        """From now on looks at the file by itself, as nobody rings."""
        self._interval = _LOOK_S

    def turn_to(self, path: Path, size: int) -> None:
        """From now on reads another file from an offset on, also if it does not exist yet; it is only read."""
        self._other = path, size

    def messages(self) -> Iterator[Message]:
        """Yields each message when it is there; ends once dbt has, without what a death left unfinished.

        A line that is no JSON object is given as a message without a name.
        A message is marked as read when the next one is asked for.
        """
        yield from self._lines(self._file, 0, mark=True)
        if self._other is not None:
            path, size = self._other
            yield from self._lines_of(path, size)

    def _lines_of(self, path: Path, size: int) -> Iterator[Message]:
        running = True
        # A pipe or a device is not opened: its reader is somebody else.
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
        """Waits until there may be something to read; False once dbt has ended."""
        if self._interval is not None and not select.select([self._listener], [], [], self._interval)[0]:
            return True
        return bool(os.read(self._listener, _RINGS))


def has_writer(listener: int) -> bool:
    """Returns True as long as any process has the other end of a pipe open."""
    poll = select.poll()
    poll.register(listener, 0)
    return not any(event & select.POLLHUP for _, event in poll.poll(0))


def messages(file: int, listener: int, mark: int) -> Iterator[Message]:
    """The messages of a journal that dbt-core writes, see `Reader.messages`."""
    return Reader(file, listener, mark).messages()


def _nameless() -> int:
    with tempfile.TemporaryFile() as unnamed:
        return os.dup(unnamed.fileno())


def _message(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"name": ""}
