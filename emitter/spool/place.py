"""Where spools are: one folder for this user, in it one queue for each topic of each cluster."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

VARIABLE = "HEADWATER_SPOOL_DIR"
LAYOUT = "v1"


class Destination(NamedTuple):
    """What the events of a queue wait for."""

    bootstrap_servers: str
    topic: str

    @property
    def queue(self) -> str:
        """The name of its queue's folder: readable, and the same in whatever order the brokers are named."""
        servers = ",".join(sorted(self.bootstrap_servers.split(",")))
        digest = hashlib.sha256(f"{servers}/{self.topic}".encode()).hexdigest()[:12]
        return f"{re.sub('[^A-Za-z0-9_-]', '-', self.topic)[:60]}-{digest}"


def spool_folder(setting: str | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the spool's folder: the setting, else HEADWATER_SPOOL_DIR, else `headwater/spool` of XDG_STATE_HOME.

    Raises:
        OSError: if `~` stands for nobody's home.
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
    """Makes the folder of a queue, which nobody but this user may read, and returns it.

    Raises:
        OSError: if that is not possible.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Below this one, nobody else gets anywhere.
    (folder / LAYOUT).mkdir(mode=0o700, exist_ok=True)
    queue = folder / LAYOUT / destination.queue
    (queue / "aside").mkdir(parents=True, exist_ok=True)
    note = queue / "destination.json"
    if not note.exists():
        write_atomically(note, json.dumps(destination._asdict()).encode())
    return queue


def queues(folder: Path) -> dict[Path, Destination]:
    """The queues below a spool's folder, with what they wait for."""
    found = {}
    for note in sorted(folder.glob(f"{LAYOUT}/*/destination.json")):
        values = json.loads(note.read_bytes())
        found[note.parent] = Destination(values["bootstrap_servers"], values["topic"])
    return found


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a small file so that it is never seen half done.

    Raises:
        OSError: if it can't be written.
    """
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    hidden.write_bytes(data)
    hidden.replace(path)
