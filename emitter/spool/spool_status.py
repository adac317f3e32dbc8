"""The status: what waits in the spool, for whom, since when, and why."""

import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emitter.spool.layout import UNKNOWN, Destination, queues
from emitter.spool.private_files import open_own, read_own
from emitter.spool.queue import DAMAGED, Queue
from emitter.spool.segment import SUFFIX, is_readable
from emitter.spool.spool_writer import used_bytes


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue.

    Attributes:
        queue: Its name, for `--queue`.
        bootstrap_servers: The brokers that its events wait for; `?` where that can't be read.
        topic: The topic that they wait for; `?` likewise.
        waiting: How many wait.
        bytes: How many bytes they are.
        oldest_seconds: How long the oldest has waited.
        set_aside: How many can't be sent as they are.
        reasons: Why those can't.
        damaged: How many files hold something unreadable: events that wait or were set aside, or what they wait for.
        sender: The process that is sending, if one is.
        last_error: Why sending failed the last time; null once it went well.
        last_error_at: When that was, in seconds since 1970.
    """

    queue: str
    bootstrap_servers: str
    topic: str
    waiting: int
    bytes: int
    oldest_seconds: float
    set_aside: int
    reasons: tuple[str, ...]
    damaged: int
    sender: int | None
    last_error: str | None
    last_error_at: float | None


def status(root: Path, now: float | None = None) -> dict[str, Any]:
    """The status of the spool in a folder, ready for JSON; an empty one if there is none."""
    at = time.time() if now is None else now
    found = [_queue_status(folder, destination, at) for folder, destination in queues(root).items()]
    return {"directory": str(root), "bytes": used_bytes(root), "queues": [asdict(queue) for queue in found]}


def _queue_status(folder: Path, destination: Destination, now: float) -> QueueStatus:
    queue = Queue(folder, destination.topic)
    count, size, oldest = 0, 0, now
    for record in queue.waiting():
        count, size, oldest = count + 1, size + record.size, min(oldest, record.timestamp_ms / 1000)
    notes, aside = queue.notes(), queue.aside()
    at, error = _last_error(folder)
    return QueueStatus(
        queue=folder.name,
        bootstrap_servers=destination.bootstrap_servers,
        topic=destination.topic,
        waiting=count,
        bytes=size,
        oldest_seconds=round(now - oldest, 3),
        set_aside=len(aside),
        reasons=tuple(sorted({reason for _, reason in aside.values()})),
        damaged=len(list(folder.glob(f"*{DAMAGED}")))
        + sum(not _readable(path) for path in queue.segments())
        + sum(path not in aside and path.exists() for path in notes)
        + (destination == UNKNOWN),
        sender=_sender(folder),
        last_error=error,
        last_error_at=at,
    )


def _last_error(folder: Path) -> tuple[float | None, str | None]:
    try:
        note = json.loads(read_own(folder / "last_error.json"))
        return float(note["at"]), str(note["error"])
    except (OSError, ValueError, LookupError, TypeError):
        return None, None


def _readable(path: Path) -> bool:
    try:
        file = open_own(path, os.O_RDONLY)
    except FileNotFoundError:  # sent and deleted meanwhile
        return True
    except OSError:
        return False
    try:
        return is_readable(file)
    finally:
        os.close(file)


def _sender(folder: Path) -> int | None:
    """The process that holds the lock, which is only looked at."""
    try:
        file = open_own(folder / "flusher.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(file, 20, 0).strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(file)
    return None


def as_text(found: dict[str, Any]) -> str:
    """The status for people; `SUFFIX` files are events, the rest of the folder is bookkeeping."""
    lines = [f"{found['directory']}: {found['bytes']} bytes in *{SUFFIX} files and set-aside events"]
    for queue in found["queues"]:
        lines.append(f"\n{queue['topic']} at {queue['bootstrap_servers']}  ({queue['queue']})")
        since = f", the oldest since {queue['oldest_seconds']:.0f} s" if queue["waiting"] else ""
        lines.append(f"  waiting     {queue['waiting']} ({queue['bytes']} bytes){since}")
        lines.append(f"  set aside   {queue['set_aside']}{''.join(f'; {reason}' for reason in queue['reasons'])}")
        if queue["damaged"]:
            lines.append(f"  damaged     {queue['damaged']} files, which can't be read and are left as they are")
        if queue["sender"]:
            lines.append(f"  sending     process {queue['sender']}")
        if queue["last_error"]:
            lines.append(f"  last error  {queue['last_error']}")
    return "\n".join(lines)
