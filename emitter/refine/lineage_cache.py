"""Column lineage kept between runs, in one file with a checksum: what did not change is not parsed again."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from emitter.refine.sql.lineage_value import ColumnLineage, fingerprint, unpacked

# Raise it whenever the same SQL and schemas would give another lineage than before.
VERSION = 8
# Entries of SQL that has changed since are the oldest; so many are kept beyond those that a run used.
_SPARE = 5000


class LineageCache:
    """Lineage by what it was computed from. An entry is parsed when it is asked for, as parsed ones take much memory.

    Args:
        path: the file; None keeps everything in memory. A file that is missing, damaged or of another version is empty.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: dict[str, bytes] = _read(path) if path is not None else {}
        self._used: set[str] = set()
        self._changed = False

    def get(self, key: str, state: Callable[[str, str | None], str]) -> ColumnLineage | None:
        """Returns the lineage under a key, if each table that it rests on is still what it was.

        Args:
            key: checksum of the SQL, its dialect and its target.
            state: checksum of a looked-up table as it is now, by the name that was looked up and what was found.
        """
        found = self._entries.get(key)
        if found is None:
            return None
        try:
            entry = json.loads(found)
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
        entry = {"lineage": lineage.packed(), "state": [state(*asked) for asked in lineage.asked]}
        self._entries[key] = json.dumps(entry, separators=(",", ":")).encode()
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
        body = b"".join(b"%s %s\n" % (key.encode(), entry.rstrip()) for key, entry in kept.items())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_header(hashlib.sha256(body).hexdigest()) + b"\n" + body)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        self._changed = False


def key_of(sql: str, dialect: str, target: str | None) -> str:
    """Returns the key of a SQL text."""
    return fingerprint([VERSION, dialect, target, sql])


def _header(digest: str) -> bytes:
    return f"headwater-lineage {VERSION} {digest}".encode()


def _read(path: Path) -> dict[str, bytes]:
    entries: dict[str, bytes] = {}
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            header = file.readline().rstrip()
            for line in file:
                digest.update(line)
                key, _, entry = line.partition(b" ")
                entries[key.decode(errors="replace")] = entry
    except OSError:
        return {}
    return entries if header == _header(digest.hexdigest()) else {}
