"""A file of the version before: brought to this version's tables when it is opened, with all that it holds."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from consumer.errors import UsageError
from consumer.graph import schema
from consumer.graph.sqlite import tables
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Edge, Vertex
from tests.support.graph.release_graph import GRAPHS

BEFORE = GRAPHS / "format-1.sqlite"
VERTICES = [element.label for element in schema.ELEMENTS if element.kind == "vertex"] + [schema.TASK]
EDGES = [element.label for element in schema.ELEMENTS if element.kind == "edge"]


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A copy of the file."""
    return Path(shutil.copy(BEFORE, tmp_path))


def rows(path: Path) -> Iterator[Vertex | Edge]:
    """All that a file with tables of version 2 holds."""
    with closing(sqlite3.connect(path)) as database:
        for id_, label, properties in database.execute("SELECT id, label, properties FROM vertices"):
            yield Vertex(id_, label, orjson.loads(properties))
        for id_, label, source, target, properties in database.execute("SELECT * FROM edges"):
            yield Edge(id_, label, source, target, orjson.loads(properties))


def content(path: Path) -> Iterator[Vertex | Edge]:
    """All that a graph holds, by the store."""
    with closing(SqliteStore(path)) as store:
        for label in VERTICES:
            yield from store.vertices(label)
        for label in EDGES:
            yield from store.edges(label)


def test_all_of_it_is_there(before: Path) -> None:
    """Each vertex and each edge, with its id, its label and its properties; and the file is smaller than it was."""
    expected = sorted(rows(before), key=lambda one: one.id)
    assert {one.label for one in expected} >= {schema.RUN, schema.COLUMN_EDGE, schema.FACET}, "the file has it all"
    assert {one.label for one in expected} >= {schema.CHANGE, schema.OUTBOX, schema.STATEMENT, schema.CHANGE_OF}
    assert {one.id.partition("/")[0] for one in expected} >= {"exposure", "exposed"}, "and exposures"
    size = before.stat().st_size
    assert sorted(content(before), key=lambda one: one.id) == expected
    assert before.stat().st_size < size
    with closing(sqlite3.connect(before)) as database:
        assert tables.version(database) == tables.SCHEMA_VERSION


def test_an_upgrade_is_done_as_a_whole(before: Path) -> None:
    """One that is interrupted leaves the file as it was, and the next one brings it about."""
    expected = sorted(rows(before), key=lambda one: one.id)
    with closing(sqlite3.connect(before)) as database, database:
        database.execute("UPDATE vertices SET properties = '{' WHERE id = (SELECT max(id) FROM vertices)")
    with pytest.raises(orjson.JSONDecodeError):
        SqliteStore(before)
    with closing(sqlite3.connect(before)) as database, database:
        assert tables.version(database) == 2
        repaired = [(orjson.dumps(one.properties).decode(), one.id) for one in expected if isinstance(one, Vertex)]
        database.executemany("UPDATE vertices SET properties = ? WHERE id = ?", repaired)
    assert sorted(content(before), key=lambda one: one.id) == expected


def test_two_that_open_it_at_once(before: Path) -> None:
    """The second one waits, and finds it done."""
    with closing(SqliteStore(before)) as one, closing(SqliteStore(before)) as other:
        assert one.ids(schema.RUN, "", 9) == other.ids(schema.RUN, "", 9)


def test_a_file_in_use_is_not_upgraded(before: Path) -> None:
    """A service of the version before goes on with it; once that is stopped, the upgrade is done."""
    expected = sorted(rows(before), key=lambda one: one.id)
    with closing(sqlite3.connect(before)) as service:
        service.execute("PRAGMA journal_mode = WAL")
        service.execute("SELECT count(*) FROM vertices").fetchone()
        with pytest.raises(UsageError, match="another process has it open: stop that process"):
            SqliteStore(before, alone_s=0.1)
        service.execute("DELETE FROM vertices WHERE id = 'none'")
        assert tables.version(service) == 2
    assert sorted(content(before), key=lambda one: one.id) == expected


def test_several_that_upgrade_it(before: Path) -> None:
    """Of processes that find a file of the version before at once, one upgrades it, and the others wait."""
    with closing(sqlite3.connect(before)) as database:
        database.execute("PRAGMA journal_mode = WAL")
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(SqliteStore, [before] * 4))
    found = [store.ids(schema.RUN, "", 9) for store in stores]
    for store in stores:
        store.close()
    assert found[0]
    assert all(one == found[0] for one in found)


def test_older_tables_are_refused(before: Path) -> None:
    """Only those of the version before are upgraded."""
    with closing(sqlite3.connect(before)) as database:
        database.execute("PRAGMA user_version = 1")
    with pytest.raises(UsageError, match="tables of version 1"):
        SqliteStore(before)
