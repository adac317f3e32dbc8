"""The spool status: the waiting events of each queue, their age, and the last error."""

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
from schemas.counted import counted


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The status of one queue.

    Attributes:
        queue: The queue's name, for `--queue`.
        bootstrap_servers: The brokers of its events; `?` if unknown.
        topic: The topic of its events; `?` if unknown.
        waiting: The number of waiting events.
        bytes: The size of the waiting events, in bytes.
        oldest_seconds: The age of the oldest waiting event, in seconds.
        quarantined: The number of events that can't be sent as they are.
        reasons: The reasons of the quarantined events.
        damaged: The number of unreadable files: segments, quarantined events, or the destination.
        sender: The id of the sending process, if there is one.
        last_error: The reason why sending failed the last time; null after a success.
        last_error_at: The time of that failure, in seconds since 1970.
    """

    queue: str
    bootstrap_servers: str
    topic: str
    waiting: int
    bytes: int
    oldest_seconds: float
    quarantined: int
    reasons: tuple[str, ...]
    damaged: int
    sender: int | None
    last_error: str | None
    last_error_at: float | None


def status(root: Path, now: float | None = None) -> dict[str, Any]:
    """Returns the status of the spool in a folder, ready for JSON; an empty one if there is no spool."""
    at = time.time() if now is None else now
    found = [_queue_status(folder, destination, at) for folder, destination in queues(root).items()]
    return {"directory": str(root), "bytes": used_bytes(root), "queues": [asdict(queue) for queue in found]}


def _queue_status(folder: Path, destination: Destination, now: float) -> QueueStatus:
    queue = Queue(folder, destination.topic)
    count, size, oldest = 0, 0, now
    for record in queue.waiting():
        count, size, oldest = count + 1, size + record.size, min(oldest, record.timestamp_ms / 1000)
    notes, quarantined = queue.quarantined_files(), queue.quarantined()
    at, error = _last_error(folder)
    return QueueStatus(
        queue=folder.name,
        bootstrap_servers=destination.bootstrap_servers,
        topic=destination.topic,
        waiting=count,
        bytes=size,
        oldest_seconds=round(now - oldest, 3),
        quarantined=len(quarantined),
        reasons=tuple(sorted({reason for _, reason in quarantined.values()})),
        damaged=len(list(folder.glob(f"*{DAMAGED}")))
        + sum(not _readable(path) for path in queue.segments())
        + sum(path not in quarantined and path.exists() for path in notes)
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
    """Returns the process that holds the lock, without acquiring it."""
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
    """Returns the status as text; files with SUFFIX are events, the rest of the folder is metadata."""
    lines = [f"{found['directory']}: {found['bytes']} bytes in *{SUFFIX} files and quarantined events"]
    for queue in found["queues"]:
        lines.append(f"\n{queue['topic']} at {queue['bootstrap_servers']}  ({queue['queue']})")
        since = f", the oldest since {queue['oldest_seconds']:.0f} s" if queue["waiting"] else ""
        lines.append(f"  waiting     {queue['waiting']} ({queue['bytes']} bytes){since}")
        lines.append(f"  quarantined {queue['quarantined']}{''.join(f'; {reason}' for reason in queue['reasons'])}")
        if queue["damaged"]:
            lines.append(f"  damaged     {counted(queue['damaged'], 'unreadable file')}, left unchanged")
        if queue["sender"]:
            lines.append(f"  sending     process {queue['sender']}")
        if queue["last_error"]:
            lines.append(f"  last error  {queue['last_error']}")
    return "\n".join(lines)
