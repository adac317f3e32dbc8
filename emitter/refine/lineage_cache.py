"""Column lineage kept between runs, in one file with a checksum: what did not change is not parsed again."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emitter.refine.sql.lineage_value import ColumnLineage, fingerprint, unpacked

# Raise it whenever the same SQL and schemas would give another lineage than before.
VERSION = 4
# Entries of SQL that has changed since are the oldest; so many are kept beyond those that a run used.
_SPARE = 5000


class LineageCache:
    """Lineage by what it was computed from.

    Args:
        path: the file; None keeps everything in memory. A file that is missing, damaged or of another version is empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries = _read(path) if path is not None else {}
        self._used: set[str] = set()
        self._changed = False

    def get(self, key: str, state: Callable[[str, str | None], str]) -> ColumnLineage | None:
        """Returns the lineage under a key, if each table that it rests on is still what it was.

        Args:
            key: checksum of the SQL, its dialect and its target.
            state: checksum of a looked-up table as it is now, by the name that was looked up and what was found.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        try:
            lineage = unpacked(entry["lineage"])
            now = [state(*asked) for asked in lineage.asked]
        except (KeyError, TypeError, ValueError):
            return None
        if now != entry["state"]:
            return None
        self._use(key)
        return lineage

    def put(self, key: str, lineage: ColumnLineage, state: Callable[[str, str | None], str]) -> None:
        """Keeps a lineage."""
        self._entries[key] = {"lineage": lineage.packed(), "state": [state(*asked) for asked in lineage.asked]}
        self._changed = True
        self._use(key)

    def _use(self, key: str) -> None:
        self._used.add(key)
        self._entries[key] = self._entries.pop(key)

    def save(self) -> None:
        """Writes the file if there are new entries; of several processes, the last one's file is kept.

        Raises:
            OSError: if it can't be written; the cache in memory stays as it is.
        """
        if self._path is None or not self._changed:
            return
        kept = dict(list(self._entries.items())[-(len(self._used) + _SPARE) :])
        body = json.dumps(kept, separators=(",", ":")).encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_header(body) + b"\n" + body)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        self._changed = False


def key_of(sql: str, dialect: str, target: str | None) -> str:
    """Returns the key of a SQL text."""
    return fingerprint([VERSION, dialect, target, sql])


def _header(body: bytes) -> bytes:
    return f"headwater-lineage {VERSION} {hashlib.sha256(body).hexdigest()}".encode()


def _read(path: Path) -> dict[str, Any]:
    try:
        header, _, body = path.read_bytes().partition(b"\n")
        entries = json.loads(body) if header == _header(body) else {}
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}
