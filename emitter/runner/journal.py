"""What dbt says, on its way to the lineage process: a nameless file that dbt appends to, and a pipe that rings.

dbt never waits on it, however slow or dead its reader is, and what was written is readable even after dbt was killed.
The pipe's end is dbt's end.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

_CHUNK = 1 << 20
_RINGS = 4096
_MARK_BYTES = 8
_NOTE_BYTES = 1 << 16
_WHOLE, _PARTIAL = b"+", b"-"

Message = dict[str, Any]
"""One line of `shim.py`: `name`, mostly dbt's event name, and what belongs to it."""


@dataclass(frozen=True)
class Journal:
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

    def leave(self) -> None:
        """Closes what only dbt and the reader need; the pipe's end can then be seen."""
        for file in (self.bell, self.listener):
            os.close(file)

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


def messages(file: int, listener: int, mark: int) -> Iterator[Message]:
    """Yields each message when it is there; ends once dbt has, without what a death left unfinished.

    A line that is no JSON object is given as a message without a name.
    A message is marked as read when the next one is asked for.
    """
    rest, position, done, running = b"", 0, 0, True
    while running:
        running = bool(os.read(listener, _RINGS))
        while chunk := os.pread(file, _CHUNK, position):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line:
                    yield _message(line)
                done += len(line) + 1
                os.pwrite(mark, done.to_bytes(_MARK_BYTES, "little"), 0)


def _nameless() -> int:
    with tempfile.TemporaryFile() as unnamed:
        return os.dup(unnamed.fileno())


def _message(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"name": ""}
