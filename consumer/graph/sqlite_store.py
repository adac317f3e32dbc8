"""The SQLite store: a property graph in one file.

Write-ahead logging lets a reader keep a consistent snapshot while a writer commits. Each batch of changes is one
transaction that takes the write lock at its beginning, so that two processes can't both act on stale reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from consumer.errors import RefusedWrite, TransientError, UsageError
from consumer.graph.format_version import REFILL_ADVICE
from consumer.graph.store import (
    Change,
    Direction,
    DropEdges,
    DropOrphans,
    DropVertices,
    Edge,
    NotExists,
    Properties,
    PropertyEquals,
    Scalar,
    Step,
    Vertex,
)

SCHEMA_VERSION = 2
"""Version of the tables, stored in the file's `user_version`."""

BUSY_TIMEOUT_S = 60.0
"""Seconds to wait for another process's write, or for another process to open the file."""

_TABLES = """
CREATE TABLE vertices (id TEXT PRIMARY KEY, label TEXT NOT NULL, properties TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE edges (
    id TEXT PRIMARY KEY, label TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, properties TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX vertices_by_label ON vertices (label);
CREATE INDEX edges_by_label ON edges (label);
CREATE INDEX edges_by_source ON edges (source, label);
CREATE INDEX edges_by_target ON edges (target, label);
"""

_EDGES_AT: Mapping[Direction, str] = {
    "out": "SELECT id, label, source, target, properties FROM edges WHERE label = ? AND source IN",
    "in": "SELECT id, label, source, target, properties FROM edges WHERE label = ? AND target IN",
}

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_MAX_IDS = 500
"""Maximum number of ids in one statement; SQLite allows 32,766."""


def _dump(properties: Properties) -> str:
    return orjson.dumps(properties).decode()


def _load(text: str) -> dict[str, Scalar]:
    properties: dict[str, Scalar] = orjson.loads(text)
    return properties


def _code(error: BaseException) -> int:
    """Returns SQLite's primary code of an error; 0 for other errors."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _is_busy(error: BaseException) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


class SqliteStore:
    """A property graph in a SQLite file, which is created if it does not exist.

    Raises:
        UsageError: The file can't be opened, is not a database, belongs to another program or another version, or
            stays locked by another process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            self._make_tables()
            self._log_ahead()
            # A power failure may lose the last batches, which Kafka still has; a killed process loses nothing.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA cache_size = -32768")
        except (sqlite3.Error, TransientError) as error:
            self._db.close()
            raise self._unusable(error) from error
        except UsageError:
            self._db.close()
            raise

    def _unusable(self, error: Exception) -> UsageError:
        if _code(error) in _DAMAGED:
            return self._damaged(error)
        return UsageError(
            f"opening {self._path} as a graph failed: {error}; name another file with --graph sqlite:///FILE"
        )

    def _damaged(self, error: Exception) -> UsageError:
        return UsageError(
            f"{self._path} is damaged or not a graph: {error}; restore a backup, or name another file with --graph"
            " sqlite:///FILE, which `headwater replay`, `ingest` or `backfill` fill again"
        )

    @contextmanager
    def _translate_errors(self, what: str) -> Iterator[None]:
        """Translates SQLite's errors to those of the graph.

        Args:
            what: The attempted operation, as a gerund for the message.

        Raises:
            TransientError: Another process holds the write lock, or the disk fails.
            RefusedWrite: SQLite can't store a value.
            UsageError: The file is damaged.
        """
        try:
            yield
        except sqlite3.OperationalError as error:
            raise TransientError(f"{what} {self._path} failed: {error}") from error
        except (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError) as error:
            raise RefusedWrite(f"{self._path} rejected a value: {error}") from error
        except sqlite3.DatabaseError as error:
            if _code(error) in _DAMAGED:
                raise self._damaged(error) from error
            raise

    def _log_ahead(self) -> None:
        """Switches the file to write-ahead logging.

        SQLite's busy timeout does not apply to this switch: it needs exclusive access, and fails at once while another
        process reads the file, as one does that opens it at the same time.
        """
        for attempt in Retrying(
            retry=retry_if_exception(_is_busy),
            stop=stop_after_delay(BUSY_TIMEOUT_S),
            wait=wait_random(0.001, 0.02),
            reraise=True,
        ):
            with attempt:
                self._db.execute("PRAGMA journal_mode = WAL")

    def _make_tables(self) -> None:
        """Creates the tables in a new file; raises an error for a file of another program or version."""
        if self._version() == SCHEMA_VERSION:
            return
        with self._transaction():
            version = self._version()
            if version == 0 and self._db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                raise UsageError(
                    f"{self._path} is a database of another program; name another file with --graph sqlite:///FILE"
                )
            if version == 0:
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                newer = "use the version of Headwater that created it, or name another graph with --graph"
                advice = newer if version > SCHEMA_VERSION else REFILL_ADVICE
                raise UsageError(
                    f"{self._path} has tables of version {version}, this Headwater reads {SCHEMA_VERSION}: {advice}"
                )

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Runs a write transaction, which is rolled back on any error; raises as `_translate_errors` does."""
        with self._translate_errors("writing"):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself ends it when the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the named properties of vertices, or all, by id."""
        by_id: dict[str, Properties] = {}
        for id_, text in self._by_ids("SELECT id, properties FROM vertices WHERE id IN", ids):
            properties = _load(text)
            if keys:
                properties = {key: properties[key] for key in keys if key in properties}
            by_id[id_] = properties
        return by_id

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        rows = self._by_ids(_EDGES_AT[direction], ids, label)
        return [Edge(id_, label, source, target, _load(text)) for id_, label, source, target, text in rows]

    def _by_ids(self, select: str, ids: Collection[str], *before: str) -> Iterator[tuple[str, ...]]:
        wanted = list(ids)
        for start in range(0, len(wanted), _MAX_IDS):
            some = wanted[start : start + _MAX_IDS]
            yield from self._rows(f"{select} ({','.join('?' * len(some))})", *before, *some)

    def _rows(self, select: str, *values: str | int) -> Iterator[tuple[str, ...]]:
        with self._translate_errors("reading"):
            # `yield from` would close the cursor of a failed reader after the file is closed.
            for row in self._db.execute(select, values):  # noqa: UP028
                yield row

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        for id_, text in self._rows("SELECT id, properties FROM vertices WHERE label = ?", label):
            yield Vertex(id_, label, _load(text))

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given id, in order."""
        select = "SELECT id FROM vertices WHERE label = ? AND id > ? ORDER BY id LIMIT ?"
        return [id_ for (id_,) in self._rows(select, label, after, count)]

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        select = "SELECT id, source, target, properties FROM edges WHERE label = ?"
        for id_, source, target, text in self._rows(select, label):
            yield Edge(id_, label, source, target, _load(text))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Holds one state of the graph for all reads in the block."""
        with self._translate_errors("reading"):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes in one transaction; returns the owners of changes that were not applied."""
        with self._transaction():
            failed = self._apply_all(changes)
            # Orphans go last, because one change may orphan a vertex that another one needs.
            for change in changes:
                if change.owner.id not in failed:
                    self._drop_orphans_of(change)
            return failed

    def _apply_all(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes in order, except the removal of orphans; returns the owners of failed changes."""
        failed: set[str] = set()
        existing = self._existing_ends(changes)
        owner = ""
        current: Properties | None = None
        for change in changes:
            if change.owner.id in failed:
                continue
            # Consecutive changes of one owner share its properties: a wide job has many changes and large facts.
            if change.owner.id != owner:
                owner, current = change.owner.id, self._properties(change.owner.id)
            if not _condition_holds(change, current):
                if not _is_applied(change, current):
                    failed.add(owner)
            elif _has_all_ends(change, existing):
                current = self._apply(change, current)
            else:
                failed.add(owner)
        return failed

    def _existing_ends(self, changes: Sequence[Change]) -> set[str]:
        """Returns the ids of existing vertices among the ends of new edges."""
        ends: set[str] = set()
        for change in changes:
            for step in change.steps:
                if isinstance(step, Edge):
                    ends.update((step.source, step.target))
        return {id_ for (id_,) in self._by_ids("SELECT id FROM vertices WHERE id IN", ends)}

    def _apply(self, change: Change, current: Properties | None) -> Properties | None:
        """Applies a change whose condition holds; returns the owner's properties afterwards."""
        owner = change.owner
        after = {key: value for key, value in (current or {}).items() if key not in change.removes}
        after |= owner.properties
        if after != current:
            self._put(Vertex(owner.id, owner.label, after))
        for step in change.steps:
            self._apply_step(step)
        return self._properties(owner.id) if _changes_own_vertex(change) else after

    def _properties(self, id_: str) -> dict[str, Scalar] | None:
        row = self._db.execute("SELECT properties FROM vertices WHERE id = ?", (id_,)).fetchone()
        return None if row is None else _load(row[0])

    def _put(self, vertex: Vertex) -> None:
        self._db.execute(
            "INSERT INTO vertices VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET properties = excluded.properties",
            (vertex.id, vertex.label, _dump(vertex.properties)),
        )

    def _apply_step(self, step: Step) -> None:
        match step:
            case Vertex():
                self._put(step._replace(properties={**(self._properties(step.id) or {}), **step.properties}))
            case Edge():
                self._db.execute(
                    "INSERT INTO edges VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (id) DO UPDATE SET properties = excluded.properties",
                    (step.id, step.label, step.source, step.target, _dump(step.properties)),
                )
            case DropEdges():
                self._db.executemany("DELETE FROM edges WHERE id = ?", ((id_,) for id_ in step.ids))
            case DropVertices():
                for id_ in step.ids:
                    self._drop_vertex(id_)
            case DropOrphans():
                pass  # applied at the end of `write`

    def _drop_orphans_of(self, change: Change) -> None:
        for step in change.steps:
            if isinstance(step, DropOrphans):
                for id_ in step.ids:
                    self._drop_if_orphan(id_, step)

    def _drop_if_orphan(self, id_: str, step: DropOrphans) -> None:
        has_edges = self._db.execute(
            "SELECT 1 FROM edges WHERE source = ?1 AND label = ?2 "
            "UNION SELECT 1 FROM edges WHERE target = ?1 AND label = ?2",
            (id_, step.unless_edges),
        ).fetchone()
        if has_edges is None and not (self._properties(id_) or {}).get(step.unless_property):
            self._drop_vertex(id_)

    def _drop_vertex(self, id_: str) -> None:
        self._db.execute("DELETE FROM edges WHERE source = ?1 OR target = ?1", (id_,))
        self._db.execute("DELETE FROM vertices WHERE id = ?", (id_,))

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


def _has_all_ends(change: Change, existing: set[str]) -> bool:
    """True if both ends of every edge of a change exist.

    Args:
        change: The change to check.
        existing: Ids of existing vertices; updated to the state after the change if all ends exist.
    """
    added, removed = {change.owner.id}, set[str]()
    for step in change.steps:
        if isinstance(step, Vertex):
            added.add(step.id)
        elif isinstance(step, DropVertices):
            added.difference_update(step.ids)
            removed.update(step.ids)
        elif isinstance(step, Edge):
            for end in (step.source, step.target):
                if end not in added and (end in removed or end not in existing):
                    return False
    existing -= removed
    existing |= added
    return True


def _changes_own_vertex(change: Change) -> bool:
    """True if a step of a change writes or drops the owner itself."""
    for step in change.steps:
        if isinstance(step, Vertex) and step.id == change.owner.id:
            return True
        if isinstance(step, DropVertices) and change.owner.id in step.ids:
            return True
    return False


def _condition_holds(change: Change, current: Properties | None) -> bool:
    """True if the condition of a change holds for the owner's current properties; None if it does not exist."""
    match change.when:
        case NotExists():
            return current is None
        case PropertyEquals(key, value):
            return current is not None and current.get(key) == value


def _is_applied(change: Change, current: Properties | None) -> bool:
    """True if the owner has the token of a change, so that an earlier attempt has applied it."""
    return current is not None and current.get(change.token.key) == change.token.value
