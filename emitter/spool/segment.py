"""The segment: a file that one process appends to, with the progress of sending in its head.

The sending process overwrites the progress in place. The writer holds a lock on the file as long as it may append,
which distinguishes a segment in use from one that a process left behind.
"""

import fcntl
import os
import secrets
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from emitter.spool.private_files import open_own

VERSION = 1
SUFFIX = ".seg"
_MAGIC = b"headwater-spool\n"
# Magic and version.
_HEAD = struct.Struct("<16sI")
# CRC-32 of what follows it, then the progress.
_CHECK = struct.Struct("<I")
_PROGRESS = struct.Struct("<QQQ")
HEAD_SIZE = _HEAD.size + _CHECK.size + _PROGRESS.size
_TRIES = 3


class Progress(NamedTuple):
    """The progress of sending a segment: `end` in bytes from its beginning, and the counts of records before it."""

    end: int
    sent: int
    quarantined: int


START = Progress(HEAD_SIZE, 0, 0)


def read_progress(file: int) -> Progress:
    """Reads the progress from an open segment; if it is damaged, all records count as unsent.

    Records that count as sent are deleted in the end, so the progress has a checksum: a duplicate is harmless.
    """
    for _ in range(_TRIES):  # it may be read while it is being overwritten
        data = os.pread(file, HEAD_SIZE - _HEAD.size, _HEAD.size)
        packed = data[_CHECK.size :]
        if len(packed) == _PROGRESS.size and _CHECK.unpack_from(data)[0] == zlib.crc32(packed):
            progress = Progress(*_PROGRESS.unpack(packed))
            return progress if HEAD_SIZE <= progress.end <= os.fstat(file).st_size else START
    return START


def write_progress(file: int, progress: Progress) -> None:
    """Overwrites the progress of an open segment; the file must not be open for appending."""
    os.pwrite(file, _packed(progress), _HEAD.size)


def _packed(progress: Progress) -> bytes:
    packed = _PROGRESS.pack(*progress)
    return _CHECK.pack(zlib.crc32(packed)) + packed


def is_readable(file: int) -> bool:
    """True if the format version of an open segment is supported."""
    head = os.pread(file, _HEAD.size, 0)
    return len(head) == _HEAD.size and _HEAD.unpack(head) == (_MAGIC, VERSION)


def left_behind(file: int) -> bool:
    """True if no process appends to an open segment any more; this open file then holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def segment_number(name: str) -> int:
    """Returns the number of a segment within its queue, which orders segments even if clocks jump."""
    digits = name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0


@dataclass
class SegmentWriter:
    """The writing end of a new segment.

    Attributes:
        path: The segment's file; it is deleted once all of its records are sent.
        size: Its size in bytes.
        appended: The number of records in it.
    """

    path: Path
    file: int
    size: int = HEAD_SIZE
    appended: int = 0

    @classmethod
    def create(cls, folder: Path, number: int) -> Self:
        """Creates a segment, which appears in the folder only when it is complete and locked.

        Raises:
            OSError: The folder can't be written.
        """
        name = f"{number:016d}-{os.getpid()}-{secrets.token_hex(4)}"
        hidden = folder / f".{name}"
        file = open_own(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            _write_all(file, _HEAD.pack(_MAGIC, VERSION) + _packed(START))
            path = hidden.rename(folder / f"{name}{SUFFIX}")
        except OSError:
            os.close(file)
            hidden.unlink(missing_ok=True)
            raise
        return cls(path, file)

    def append(self, frame: bytes) -> None:
        """Writes one frame, which then survives the death of this process.

        Raises:
            OSError: The frame can't be written. Nothing of it remains that is ever read.
        """
        try:
            _write_all(self.file, frame)
        except OSError:
            os.ftruncate(self.file, self.size)
            raise
        self.size += len(frame)
        self.appended += 1

    def progress(self) -> Progress:
        """Returns the progress of sending, by whichever process."""
        return read_progress(self.file)

    def is_settled(self) -> bool:
        """True if every record in the file is done: by the offset, by the count, and by the file's size."""
        end, sent, quarantined = self.progress()
        return end == self.size == os.fstat(self.file).st_size and sent + quarantined == self.appended

    def seal(self) -> None:
        """Releases the lock, since nothing more is appended; `progress` still works."""
        fcntl.flock(self.file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Closes the file."""
        os.close(self.file)


def _write_all(file: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]
