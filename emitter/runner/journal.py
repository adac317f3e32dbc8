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
from typing import Any, Self

_CHUNK = 1 << 20
_RINGS = 4096

Message = dict[str, Any]
"""One line of `shim.py`: `name`, mostly dbt's event name, and what belongs to it."""


@dataclass(frozen=True)
class Journal:
    """The files of one run of dbt, as descriptors.

    Attributes:
        file: Both processes share its offset: dbt appends, the reader reads at places of its own.
        bell: dbt's end of the pipe.
        listener: The reader's end.
    """

    file: int
    bell: int
    listener: int

    @classmethod
    def make(cls) -> Self:
        """Makes them.

        Raises:
            OSError: No folder for temporary files can be written.
        """
        with tempfile.TemporaryFile() as unnamed:
            file = os.dup(unnamed.fileno())
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        listener, bell = os.pipe()
        return cls(file, bell, listener)

    def close(self) -> None:
        """Closes all; once each process has, the file is gone."""
        for file in (self.file, self.bell, self.listener):
            os.close(file)


def messages(file: int, listener: int) -> Iterator[Message]:
    """Yields each message when it is there; ends once dbt has, without what a death left unfinished.

    A line that is no JSON object is given as a message without a name.
    """
    rest, position, running = b"", 0, True
    while running:
        running = bool(os.read(listener, _RINGS))
        while chunk := os.pread(file, _CHUNK, position):
            position += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            yield from map(_message, filter(None, lines))


def _message(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"name": ""}
