"""Artifacts of a running dbt, which rewrites manifest.json in place when it ends.

`json.dump` writes as it goes, so that of a large project the file is no JSON for seconds.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emitter.errors import ArtifactError

STALLED_S = 5.0
"""Seconds without a change after which no process is writing the file."""
WATCHED_S = 1.0
"""Seconds for which a file is watched though its own time is long ago: a clock may have jumped since it was written."""
SETTLED_S = 0.1
"""Seconds without a change after which it is worth reading again."""
_LOOK_S = 0.02


def _load(path: Path) -> Any:
    return json.loads(path.read_bytes())


def read_when_stable(
    path: Path, wall_clock: Callable[[], float] = time.time, load: Callable[[Path], Any] = _load
) -> dict[str, Any]:
    """Returns the JSON object in a file; waits while a process is writing it.

    Args:
        path: The file.
        wall_clock: Seconds since 1970, by the clock of the file system.
        load: Reads the file; raises ValueError if it is not JSON.

    Raises:
        ArtifactError: It holds none, and has not changed for five seconds.
        OSError: It can't be read.
    """
    while True:
        before = stamp_of(path)
        try:
            document = load(path)
        except ValueError:
            document = None
        # A file that has changed meanwhile may be a mix of the old and the new content.
        if stamp_of(path) == before:
            if isinstance(document, dict):
                return document
            _wait_for_change(path, before, wall_clock)
        _wait_for_rest(path)


def _wait_for_change(path: Path, stamp: tuple[int, int, int], wall_clock: Callable[[], float]) -> None:
    since, age = time.monotonic(), wall_clock() - stamp[0] / 1e9
    while stamp_of(path) == stamp:
        watched = time.monotonic() - since
        # The file's own time too: one that was broken long ago is not waited for.
        if max(age, 0) + watched > STALLED_S and watched > min(WATCHED_S, STALLED_S):
            raise ArtifactError(f"{path} holds no JSON object: dbt was ended while it wrote it; run dbt again")
        time.sleep(_LOOK_S)


def _wait_for_rest(path: Path) -> None:
    stamp, since = stamp_of(path), time.monotonic()
    while time.monotonic() - since < SETTLED_S:
        time.sleep(_LOOK_S)
        if (now := stamp_of(path)) != stamp:
            stamp, since = now, time.monotonic()


def stamp_of(path: Path) -> tuple[int, int, int]:
    """Returns what differs once a file was written again: its time in nanoseconds, its size, and which file it is.

    A file that was replaced may have the time and the size of the one before.
    """
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
