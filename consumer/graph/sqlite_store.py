"""The embedded store: a property graph in one SQLite file.

Write-ahead logging lets a reader look at one state while a writer makes the next. Each batch of changes is one
transaction, begun as a writer's, so that two processes can't both act on what they read before.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from consumer.errors import RefusedWrite, TransientError, UsageError
from consumer.graph.format_version import FILL_A_NEW_GRAPH
from consumer.graph.store import (
    Absent,
    Change,
    Direction,
    DropEdges,
    DropLonely,
    DropVertices,
    Edge,
    Is,
    Properties,
    Scalar,
    Step,
    Vertex,
)

SCHEMA_VERSION = 2
"""Version of the tables, in the file's `user_version`."""

BUSY_TIMEOUT_S = 60.0
"""How long a writer waits for another one to finish, and an opener for another one to open."""

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

_MANY = 500
"""How many ids go into one statement; SQLite allows 32,766."""


def _dump(properties: Properties) -> str:
    return orjson.dumps(properties).decode()


def _load(text: str) -> dict[str, Scalar]:
    found: dict[str, Scalar] = orjson.loads(text)
    return found


def _code(error: BaseException) -> int:
    """SQLite's primary code of an error; 0 for what is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _is_busy(error: BaseException) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


class EmbeddedStore:
    """A property graph in a SQLite file; made if it is not there.

    Raises:
        UsageError: The file can't be opened, is no database, belongs to another program or to a newer version, or
            another process keeps it locked.
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
            # A power cut may cost the last batches, which Kafka still has; a killed process costs nothing.
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
            f"{self._path} can't be opened as a graph: {error}; name another file with --graph sqlite:///FILE"
        )

    def _damaged(self, error: Exception) -> UsageError:
        return UsageError(
            f"{self._path} is damaged, or no graph: {error}; put a copy of it back, or name another file with --graph"
            " sqlite:///FILE, which `headwater replay`, `ingest` or `backfill` fill again"
        )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Says what SQLite's errors within mean.

        Args:
            what: Can't be done to the file now, as a participle.

        Raises:
            TransientError: Another writer holds the file, or the disk does not serve.
            RefusedWrite: A value is none that SQLite can keep.
            UsageError: The file is damaged.
        """
        try:
            yield
        except sqlite3.OperationalError as error:
            raise TransientError(f"{self._path} can't be {what}: {error}") from error
        except (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError) as error:
            raise RefusedWrite(f"{self._path} refuses a value: {error}") from error
        except sqlite3.DatabaseError as error:
            if _code(error) in _DAMAGED:
                raise self._damaged(error) from error
            raise

    def _log_ahead(self) -> None:
        """Has the file written by a write-ahead log.

        SQLite's busy timeout does not hold for this switch: it needs the file for itself, and fails at once while
        another process reads it, as one does that opens the file at the same moment.
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
        """Makes the tables in a new file; an error for a file of anyone else's, which is left as it is."""
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
                newer = "use the version of Headwater that made it, or name another graph with --graph"
                advice = newer if version > SCHEMA_VERSION else FILL_A_NEW_GRAPH
                raise UsageError(
                    f"{self._path} has tables of version {version}, this Headwater knows {SCHEMA_VERSION}: {advice}"
                )

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A writer's transaction, done as a whole or not at all; raises as `_told` does."""
        with self._told("written"):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite ends it by itself where the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id; those named, or all."""
        found: dict[str, Properties] = {}
        for id_, text in self._by_ids("SELECT id, properties FROM vertices WHERE id IN", ids):
            properties = _load(text)
            found[id_] = {key: properties[key] for key in keys if key in properties} if keys else properties
        return found

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave or enter vertices."""
        rows = self._by_ids(_EDGES_AT[direction], ids, label)
        return [Edge(id_, label, source, target, _load(text)) for id_, label, source, target, text in rows]

    def _by_ids(self, select: str, ids: Collection[str], *before: str) -> Iterator[tuple[str, ...]]:
        wanted = list(ids)
        for start in range(0, len(wanted), _MANY):
            some = wanted[start : start + _MANY]
            yield from self._rows(f"{select} ({','.join('?' * len(some))})", *before, *some)

    def _rows(self, select: str, *values: str | int) -> Iterator[tuple[str, ...]]:
        with self._told("read"):
            # Not `yield from`, which closes the cursor of a reader that failed, and by then the file is closed.
            for row in self._db.execute(select, values):  # noqa: UP028
                yield row

    def vertices(self, label: str) -> Iterator[Vertex]:
        """All vertices of a label."""
        for id_, text in self._rows("SELECT id, properties FROM vertices WHERE label = ?", label):
            yield Vertex(id_, label, _load(text))

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """The first ids of vertices of a label after a given one, in their order."""
        select = "SELECT id FROM vertices WHERE label = ? AND id > ? ORDER BY id LIMIT ?"
        return [id_ for (id_,) in self._rows(select, label, after, count)]

    def edges(self, label: str) -> Iterator[Edge]:
        """All edges of a label."""
        select = "SELECT id, source, target, properties FROM edges WHERE label = ?"
        for id_, source, target, text in self._rows(select, label):
            yield Edge(id_, label, source, target, _load(text))

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """One state of the graph for all that is read within."""
        with self._told("read"):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes in one transaction; returns the owners of those that were not done."""
        with self._transaction():
            failed = self._changes(changes)
            # Last, as one change may leave a vertex that another one needs.
            for change in changes:
                if change.owner.id not in failed:
                    self._drop_what_is_lonely(change)
            return failed

    def _changes(self, changes: Sequence[Change]) -> set[str]:
        failed: set[str] = set()
        there = self._ends_of(changes)
        owner = ""
        known: Properties | None = None
        for change in changes:
            if change.owner.id in failed:
                continue
            # The many changes of a wide job would each read and write all that the job holds.
            if change.owner.id != owner:
                owner, known = change.owner.id, self._properties(change.owner.id)
            if _holds(change, known):
                if _has_all_ends(change, there):
                    known = self._done(change, known)
                else:
                    failed.add(owner)
            elif known is None or known.get(change.token.key) != change.token.value:
                failed.add(owner)
        return failed

    def _ends_of(self, changes: Sequence[Change]) -> set[str]:
        """The vertices that are there of those that new edges need."""
        ends = {end for change in changes for step in change.steps if isinstance(step, Edge) for end in step[2:4]}
        return {id_ for (id_,) in self._by_ids("SELECT id FROM vertices WHERE id IN", ends)}

    def _done(self, change: Change, known: Properties | None) -> Properties | None:
        owner = change.owner
        after = {key: value for key, value in (known or {}).items() if key not in change.removes}
        after |= owner.properties
        if after != known:
            self._put(Vertex(owner.id, owner.label, after))
        for step in change.steps:
            self._step(step)
        touched = any(isinstance(step, Vertex | DropVertices) and owner.id in _ids_of(step) for step in change.steps)
        return self._properties(owner.id) if touched else after

    def _properties(self, id_: str) -> dict[str, Scalar] | None:
        row = self._db.execute("SELECT properties FROM vertices WHERE id = ?", (id_,)).fetchone()
        return None if row is None else _load(row[0])

    def _put(self, vertex: Vertex) -> None:
        self._db.execute(
            "INSERT INTO vertices VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET properties = excluded.properties",
            (vertex.id, vertex.label, _dump(vertex.properties)),
        )

    def _step(self, step: Step) -> None:
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
            case DropLonely():
                pass  # at the end, see `write`

    def _drop_what_is_lonely(self, change: Change) -> None:
        for step in change.steps:
            if isinstance(step, DropLonely):
                for id_ in step.ids:
                    self._drop_lonely(id_, step)

    def _drop_lonely(self, id_: str, step: DropLonely) -> None:
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


def _has_all_ends(change: Change, there: set[str]) -> bool:
    """True if no edge of a change lacks an end; the vertices that the change leaves are then in `there`."""
    made, gone = {change.owner.id}, set[str]()
    for step in change.steps:
        if isinstance(step, Vertex):
            made.add(step.id)
        elif isinstance(step, DropVertices):
            made.difference_update(step.ids)
            gone.update(step.ids)
        elif isinstance(step, Edge):
            for end in (step.source, step.target):
                if end not in made and (end in gone or end not in there):
                    return False
    there -= gone
    there |= made
    return True


def _ids_of(step: Vertex | DropVertices) -> Collection[str]:
    return (step.id,) if isinstance(step, Vertex) else step.ids


def _holds(change: Change, known: Properties | None) -> bool:
    """Whether the condition of a change holds for what is known of its owner."""
    match change.when:
        case Absent():
            return known is None
        case Is(key, value):
            return known is not None and known.get(key) == value
