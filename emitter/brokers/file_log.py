"""A log on disk that replaces Kafka: `bootstrap_servers: file:///dir` appends to `/dir/{topic}.jsonl`.

Each line is `{"topic", "key", "timestamp", "value"}`: the value is the event itself, byte for byte, the timestamp is in
milliseconds since 1970. Several processes may append at once; one that is killed while it appends damages nothing.
"""

import errno
import fcntl
import json
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emitter.brokers.broker import DeliveryCallback
from emitter.errors import RejectedError, TooLargeError, UnavailableError
from emitter.record import MAX_BYTES, Record
from emitter.spool.private_files import is_still


class FileLog:
    """A broker that appends to files in a folder.

    Args:
        directory: The folder.

    Raises:
        UnavailableError: The folder can't be created.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(f"can't make the folder {directory}: {error.strerror}") from error

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Appends one line, which then survives the death of this process."""
        line = _line(record)
        path = self._directory / f"{record.topic}.jsonl"
        try:
            with _locked(path) as file:
                _drop_torn_line(file)
                _write(file, line)
        except OSError as error:
            raise UnavailableError(f"can't append to {path}: {error.strerror}") from error
        on_delivery(None)

    def close(self) -> None:
        """Does nothing, since no file stays open."""


def _line(record: Record) -> bytes:
    if len(record.value) > MAX_BYTES:
        size = f"{len(record.value)} bytes, of which the consumer reads at most {MAX_BYTES}"
        raise TooLargeError(f"the event of {record.key!r} has {size}")
    if b"\n" in record.value:
        raise RejectedError(f"the event of {record.key!r} is more than one line")
    head = json.dumps(
        {"topic": record.topic, "key": record.key.decode(errors="backslashreplace"), "timestamp": record.timestamp_ms}
    )
    # Joined as bytes rather than parsed, so that the event is the same as the one that Kafka would get.
    return b'%s, "value": %s}\n' % (head[:-1].encode(), record.value)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """Opens and locks the file of a name, also if a rotation replaces it meanwhile."""
    while True:
        file = _opened(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if is_still(path, file):
                yield file
                return
        finally:
            os.close(file)


def _opened(path: Path) -> int:
    # In a folder that others may write to, a link of that name could lead to a file that they may not change. The
    # umask decides on the file's permissions, since another user may ingest it.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnavailableError(f"{path} is a symbolic link, which is not followed: remove it") from error
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise UnavailableError(f"{path} is not a plain file: remove it")
    return file


def _drop_torn_line(file: int) -> None:
    """Truncates the file after its last newline: under the lock, only a killed writer can have left more."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
            end = content.rfind(b"\n") + 1
        os.ftruncate(file, end)


def _write(file: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(file, rest) :]
