"""The layout of spools: one folder for this user, with one queue for each topic of each cluster."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from emitter.spool.private_files import (
    close_folder,
    make_folder,
    open_own,
    read_own,
    require_private,
)

VARIABLE = "HEADWATER_SPOOL_DIR"
LAYOUT = "v1"
_NOTE = "destination.json"


class Destination(NamedTuple):
    """The brokers and the topic of a queue's events."""

    bootstrap_servers: str
    topic: str

    @property
    def queue(self) -> str:
        """The name of the queue's folder: readable, and independent of the order of brokers."""
        servers = ",".join(sorted(self.bootstrap_servers.split(",")))
        digest = hashlib.sha256(f"{servers}/{self.topic}".encode()).hexdigest()[:12]
        return f"{re.sub('[^A-Za-z0-9_-]', '-', self.topic)[:60]}-{digest}"


UNKNOWN = Destination("?", "?")
"""The destination of a queue whose `destination.json` can't be read."""


def spool_folder(setting: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the spool's folder: the setting, else HEADWATER_SPOOL_DIR, else `headwater/spool` of XDG_STATE_HOME.

    Raises:
        OSError: `~` can't be expanded, since this user has no home.
    """
    try:
        if named := setting or environ.get(VARIABLE):
            return Path(named).expanduser().absolute()
        state = environ.get("XDG_STATE_HOME") or ""
        # The XDG specification has relative paths ignored.
        base = Path(state) if state.startswith("/") else Path("~/.local/state").expanduser()
    except RuntimeError as error:
        raise OSError(f"{error} Set `spool_dir` or {VARIABLE}.") from error
    return base / "headwater" / "spool"


def open_queue(folder: Path, destination: Destination) -> Path:
    """Creates the folder of a queue, readable by this user only, and returns it.

    Raises:
        OSError: The folder can't be created.
        SpoolError: The spool's folder is a link, another user's, or open to others.
    """
    # Other users can't reach anything below this folder.
    make_folder(folder / LAYOUT)
    require_private(folder / LAYOUT)
    queue = folder / LAYOUT / destination.queue
    make_folder(queue / "quarantine")
    for inner in (queue, queue / "quarantine"):
        close_folder(inner)
    if _read_destination(queue) is None:
        # For people, and for `--queue`: no event depends on it, and a later run writes it if this one can't.
        with suppress(OSError):
            write_atomically(queue / _NOTE, json.dumps(destination._asdict()).encode(), durable=True)
    return queue


def queues(folder: Path) -> dict[Path, Destination]:
    """Returns the queues below a spool's folder with their destinations; UNKNOWN where one can't be read.

    Raises:
        SpoolError: Other users may write to the folder, so a queue may not be this user's.
    """
    if not os.path.lexists(folder / LAYOUT):
        return {}
    require_private(folder / LAYOUT)
    found = sorted(path for path in folder.glob(f"{LAYOUT}/*") if path.is_dir())
    return {queue: _read_destination(queue) or UNKNOWN for queue in found}


def _read_destination(queue: Path) -> Destination | None:
    """Returns a queue's destination; None if the file is missing or damaged, as after a power failure."""
    try:
        values = json.loads(read_own(queue / _NOTE))
        destination = Destination(values["bootstrap_servers"], values["topic"])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return destination if all(isinstance(value, str) for value in destination) else None


def write_atomically(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Writes a small file atomically: no reader sees a part of it.

    Args:
        path: The file.
        data: Its content.
        durable: True if it has to survive a power failure. That takes time, so it is for files that are written rarely,
            and not under a lock that `emit` waits for.

    Raises:
        OSError: The file can't be written; nothing of it remains.
    """
    hidden = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        new = open_own(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(new, "wb") as file:  # noqa: PTH123 # a path can't be given for a descriptor
            file.write(data)
            if durable:
                # Otherwise the new name may survive a power failure without the content.
                file.flush()
                os.fsync(file.fileno())
        hidden.replace(path)
    except OSError:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Not every file system supports it; the file is complete in any case.
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)
