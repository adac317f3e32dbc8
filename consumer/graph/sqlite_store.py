"""The SQLite store: a property graph in one file.

Write-ahead logging lets a reader keep a consistent snapshot while a writer commits. Each batch of changes is one
transaction that takes the write lock at its beginning, so that two processes can't both act on stale reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog

from consumer.errors import RefusedWrite, TransientError, UnusableGraph
from consumer.graph.format_version import REFILL_ADVICE
from consumer.graph.sqlite import tables
from consumer.graph.sqlite.change_set import ChangeSet, MispresumedError
from consumer.graph.sqlite.dictionary import Dictionary
from consumer.graph.sqlite.edge_rows import EdgeRows
from consumer.graph.sqlite.keyed_rows import KeyedRows
from consumer.graph.sqlite.upgrade import UPGRADED, upgrade
from consumer.graph.sqlite.vertex_rows import VertexRows
from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties, Vertex
from consumer.retry import retrying, uniform

T = TypeVar("T")

_log = structlog.get_logger(__name__)

BUSY_TIMEOUT_S = 60.0
"""Maximum seconds to wait for another process's write, or for another process to open the file."""

WARN_AFTER_S = 5.0
"""Seconds of waiting for another process's write after which the wait is logged."""

ALONE_S = 10.0
"""Seconds to wait before an upgrade until no other process has the file open."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NO_SPACE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
"""Codes of a full disk, or of one whose limit of a file's size or of a quota is reached."""


def _code(error: BaseException | None) -> int:
    """Returns SQLite's primary code of an error; 0 for other errors."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _is_busy(error: BaseException | None) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


class SqliteStore:
    """A property graph in a SQLite file, which is created if it does not exist, and upgraded from an earlier version.

    Args:
        path: The file.
        alone_s: Seconds that an upgrade waits for other processes to close the file.
        busy_timeout_s: Seconds to wait for another process's write.

    Raises:
        UnusableGraph: The file can't be opened, is not a database, belongs to another program or another version, stays
            locked by another process, or is open in one while it needs an upgrade.
    """

    def __init__(self, path: Path, alone_s: float = ALONE_S, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._db = self._connect()
        try:
            if tables.version(self._db) == UPGRADED:
                self._be_alone(alone_s)
            self._make_tables()
            self._log_ahead()
            # A power failure may lose the last batches, which Kafka still has; a killed process loses nothing.
            self._db.execute("PRAGMA synchronous = NORMAL")
            # KiB, as it is negative: the pages that a batch of known models reads.
            self._db.execute("PRAGMA cache_size = -32768")
            # Pages of documents change with every batch, so a longer log saves writes to the file.
            self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        except (sqlite3.Error, TransientError) as error:
            self._db.close()
            raise self._unusable(error) from error
        except UnusableGraph:
            self._db.close()
            raise
        self._dictionary = Dictionary(self._db)
        self._vertices = VertexRows(self._db, self._dictionary)
        self._edges = EdgeRows(self._db, self._dictionary, self._vertices)

    def _connect(self) -> sqlite3.Connection:
        try:
            # No transactions of Python's own: they begin with the first write, after the reads that it rests on.
            return sqlite3.connect(
                self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _be_alone(self, timeout_s: float) -> None:
        """Waits until no other process has the file open, because an earlier version can't use the new tables.

        SQLite ends write-ahead logging only for a process that has the file for itself. This process closes the file
        between two attempts, so that of two concurrent upgrades one wins.
        """
        with_retries = retrying(_is_busy, uniform(0.01, 0.2), max_elapsed_s=timeout_s)
        try:
            with_retries(self._try_to_be_alone)
        except sqlite3.Error as error:
            if not _is_busy(error):
                raise
            raise UnusableGraph(
                f"{self._path} has tables of version {UPGRADED}, which this Headwater upgrades, and another process has"
                " it open: stop that process, such as a service of an earlier version, and try again"
            ) from error

    def _try_to_be_alone(self) -> None:
        self._db.close()
        self._db = self._connect()
        try:
            self._wait_at_most(0)
            if tables.version(self._db) == UPGRADED:
                self._db.execute("PRAGMA journal_mode = DELETE")
            self._wait_at_most(self._busy_timeout_s)
        except sqlite3.OperationalError:
            # An open file during the wait would keep every other process from being alone.
            self._db.close()
            raise

    def _unusable(self, error: Exception) -> UnusableGraph:
        if _code(error) in _DAMAGED:
            return self._damaged(error)
        if _is_busy(error) or _is_busy(error.__cause__):
            return UnusableGraph(self._held())
        reason: object = error
        if self._path.is_dir():
            reason = "it is a folder"
        elif not self._path.parent.is_dir():
            reason = f"there is no folder {self._path.parent}"
        return UnusableGraph(
            f"opening {self._path} as a graph failed: {reason}; name another file with --graph sqlite:///FILE"
        )

    def _held(self) -> str:
        """Returns the message for a file that another process kept locked for the whole wait."""
        return f"another process writes to {self._path}; wait for it or stop it"

    def _damaged(self, error: Exception) -> UnusableGraph:
        return UnusableGraph(
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
            UnusableGraph: The file is damaged.
        """
        try:
            yield
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise TransientError(self._held(), public="another process writes to the graph; try again") from error
            advice = "; check that its disk has free space" if _code(error) in _NO_SPACE else ""
            public = f"{what} the graph failed: {error}; try again"
            raise TransientError(f"{what} {self._path} failed: {error}{advice}", public=public) from error
        except (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError) as error:
            public = f"the graph rejected a value: {error}"
            raise RefusedWrite(f"{self._path} rejected a value: {error}", public=public) from error
        except sqlite3.DatabaseError as error:
            if _code(error) in _DAMAGED:
                raise self._damaged(error) from error
            raise

    def _log_ahead(self) -> None:
        """Switches the file to write-ahead logging.

        SQLite's busy timeout does not apply to this switch: it needs exclusive access, and fails at once while another
        process reads the file, as one does that opens it at the same time.
        """
        with_retries = retrying(_is_busy, uniform(0.001, 0.02), max_elapsed_s=self._busy_timeout_s)
        with_retries(self._db.execute, "PRAGMA journal_mode = WAL")

    def _make_tables(self) -> None:
        """Creates the tables in a new file, and upgrades those of the version before; other files stay as they are."""
        if tables.version(self._db) == tables.SCHEMA_VERSION:
            return
        with self._transaction():
            # Another process may have created or upgraded the tables meanwhile.
            version = tables.version(self._db)
            if version == 0 and self._db.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
                raise UnusableGraph(
                    f"{self._path} is a database of another program; name another file with --graph sqlite:///FILE"
                )
            if version not in {0, UPGRADED, tables.SCHEMA_VERSION}:
                newer = "use the version of Headwater that created it, or name another graph with --graph"
                advice = newer if version > tables.SCHEMA_VERSION else REFILL_ADVICE
                raise UnusableGraph(
                    f"{self._path} has tables of version {version}, this Headwater reads {tables.SCHEMA_VERSION}: "
                    f"{advice}"
                )
            if version == 0:
                tables.make(self._db)
            if version == UPGRADED:
                _log.info("upgrading graph file", file=str(self._path))
                upgrade(self._db)
        # VACUUM can't run within a transaction.
        if version == UPGRADED:
            self._shrink()

    def _shrink(self) -> None:
        """Releases the space of the replaced tables; a failure leaves a file that is correct but large."""
        try:
            self._db.execute("VACUUM")
        except sqlite3.OperationalError as error:
            _log.warning("vacuum failed", file=str(self._path), reason=str(error))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Runs a write transaction, which is rolled back on any error; raises as `_translate_errors` does."""
        with self._translate_errors("writing"):
            self._take_write_lock()
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself ends it when the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def _take_write_lock(self) -> None:
        """Begins a write transaction; logs a warning if another process writes for long."""
        if self._busy_timeout_s <= WARN_AFTER_S:
            self._db.execute("BEGIN IMMEDIATE")
            return
        try:
            self._wait_at_most(WARN_AFTER_S)
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            limit_s = round(self._busy_timeout_s)
            _log.warning("waiting for another process's write", file=str(self._path), limit_seconds=limit_s)
            self._wait_at_most(self._busy_timeout_s - WARN_AFTER_S)
            self._db.execute("BEGIN IMMEDIATE")
        finally:
            self._wait_at_most(self._busy_timeout_s)

    def _wait_at_most(self, seconds: float) -> None:
        """Sets how long a statement waits for a lock of another process."""
        self._db.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the named properties of vertices, or all, by id."""
        with self._translate_errors("reading"):
            return self._vertices.read(ids, keys)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        with self._translate_errors("reading"):
            return self._edges.at(ids, label, direction)

    @contextmanager
    def for_walks(self) -> Iterator[KeyedRows]:
        """Yields the form of the store for one walk, which sees one state of the graph."""
        with self._translate_errors("reading") if self._db.in_transaction else self.snapshot():
            yield KeyedRows(self._db, self._vertices)

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        with self._translate_errors("reading"):
            return self._edges.latest(ids, label, until, count, keys)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        yield from self._scanned(self._vertices.of_label(label))

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given id, in a stable order."""
        with self._translate_errors("reading"):
            return self._vertices.ids_after(label, after, count)

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        yield from self._scanned(self._edges.of_label(label))

    def _scanned(self, items: Iterator[T]) -> Iterator[T]:
        with self._translate_errors("reading"):
            # `yield from` would close the cursor of a failed reader after the file is closed.
            for item in items:  # noqa: UP028
                yield item

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Holds one state of the graph for all reads in the block."""
        with self._translate_errors("reading"):
            # No lock: in a write-ahead log, the first read fixes the state, and writers go on.
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                if self._db.in_transaction:
                    self._db.execute("COMMIT")

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes in one transaction; returns the owners of changes that were not applied."""
        try:
            return self._write(changes, presume_new=True)
        except MispresumedError:
            return self._write(changes, presume_new=False)

    def _write(self, changes: Sequence[Change], *, presume_new: bool) -> set[str]:
        try:
            with self._transaction():
                return ChangeSet(self._db, self._dictionary, presume_new=presume_new).write(changes)
        except BaseException:
            # Keys that were given out in this transaction are of no rows now.
            self._dictionary.forget()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._db.close()


@contextmanager
def read_snapshot(store: GraphStore) -> Iterator[None]:
    """Reads within it see one state of a SQLite file; a Gremlin server has none to give."""
    if isinstance(store, SqliteStore):
        with store.snapshot():
            yield
    else:
        yield
