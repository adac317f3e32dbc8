"""The embedded store's file: made, opened again, and refused where it is not one of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer.errors import TransientError, UsageError
from consumer.graph.sqlite.tables import SCHEMA_VERSION
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, DropVertices, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.graph.walks.id_graph import for_walks
from consumer.graph.walks.keyed_graph import Along
from tests.support.processes.command_line import headwater


def change(id_: str, **also: str) -> Change:
    """A new vertex."""
    return Change(Vertex(id_, "thing", {"rev": "1", **also}), NotExists(), PropertyEquals("rev", "1"))


def walk(store: GraphStore) -> object:
    """Reads edges as a walk does."""
    with for_walks(store) as graph:
        return graph.hops(graph.keys(["a"]).values(), Along("line", "out"))


READS: dict[str, Callable[[GraphStore], object]] = {
    "read": lambda store: store.read(["a"]),
    "edges_at": lambda store: store.edges_at(["a"], "line", "out"),
    "walk": walk,
    "ids": lambda store: store.ids("thing", "", 5),
    "vertices": lambda store: list(store.vertices("thing")),
    "edges": lambda store: list(store.edges("line")),
}
WORK: dict[str, Callable[[GraphStore], object]] = {**READS, "write": lambda store: store.write([change("b")])}


def test_a_file_is_made_and_opened_again(tmp_path: Path) -> None:
    """What was written is there the next time; the file says which version of the tables it has."""
    path = tmp_path / "graph.db"
    with closing(SqliteStore(path)) as store:
        store.write([change("a")])
    with closing(SqliteStore(path)) as store:
        assert store.read(["a"]) == {"a": {"rev": "1"}}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_what_is_set_already_is_not_written(tmp_path: Path) -> None:
    """The many changes of one wide vertex would each write all of it again."""
    path = tmp_path / "graph.db"
    token = PropertyEquals("rev", "1")
    with closing(SqliteStore(path)) as store, closing(sqlite3.connect(path)) as database:
        store.write([change("a")])
        before = database.execute("PRAGMA data_version").fetchone()
        assert not store.write([change("a"), Change(Vertex("a", "thing", {}), token, token)])
        assert database.execute("PRAGMA data_version").fetchone() == before


def test_changes_of_one_vertex_follow_on_each_other() -> None:
    """Each sees what those before it did to the vertex, also where they did it by a step."""
    one, two = PropertyEquals("rev", "1"), PropertyEquals("rev", "2")
    gone = Change(Vertex("a", "thing", {}), two, two, (DropVertices(("a",)),))
    with closing(SqliteStore(Path(":memory:"))) as store:
        by_step = Change(Vertex("a", "thing", {}), one, two, (Vertex("a", "thing", {"rev": "2"}),))
        assert not store.write([change("a"), by_step, Change(Vertex("a", "thing", {"x": 1}), two, two)])
        assert store.read(["a"]) == {"a": {"rev": "2", "x": 1}}
        assert store.write([gone, Change(Vertex("a", "thing", {"x": 2}), two, two)]) == {"a"}
        assert not store.read(["a"])


def test_a_walk_sees_one_state(tmp_path: Path) -> None:
    """A key stays that of its vertex, also if the vertex is removed and another one gets its row meanwhile."""
    one = PropertyEquals("rev", "1")
    with closing(SqliteStore(tmp_path / "graph.db")) as store, closing(SqliteStore(tmp_path / "graph.db")) as writer:
        writer.write([change("a"), change("thing/b/c")])
        with for_walks(store) as graph:
            keys = graph.keys(["thing/b/c"])
            writer.write([Change(Vertex("a", "thing", {}), one, one, (DropVertices(("thing/b/c",)),))])
            writer.write([change("thing/b/other")])
            assert graph.ids(keys.values()) == {"thing/b/": [("c", keys["thing/b/c"])]}
        with for_walks(store) as graph:
            assert graph.keys(["thing/b/other"]) == {"thing/b/other": keys["thing/b/c"]}, "the row was given again"


def test_a_walk_within_a_snapshot_sees_its_state(tmp_path: Path) -> None:
    """A caller that holds a snapshot keeps it, also after the walk."""
    with closing(SqliteStore(tmp_path / "graph.db")) as store, closing(SqliteStore(tmp_path / "graph.db")) as writer:
        with store.snapshot():
            assert not store.read(["a"])
            writer.write([change("a")])
            with for_walks(store) as graph:
                assert graph.keys(["a"])["a"] < 0, "no row"
            assert not store.read(["a"])
        assert store.read(["a"])


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """The message names the file, both versions, and what to do; the file is left as it is."""
    path = tmp_path / "graph.db"
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(UsageError) as caught:
        SqliteStore(path)
    for part in (
        str(path),
        f"version {SCHEMA_VERSION + 1}",
        f"reads {SCHEMA_VERSION}",
        "the version of Headwater that",
    ):
        assert part in str(caught.value)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    """Some other file, a folder, or a place that is not there: the message names it, and another way."""
    text = tmp_path / "events.jsonl"
    text.write_text('{"eventType": "START"}\n' * 200)
    for path in (text, tmp_path, tmp_path / "missing" / "graph.db"):
        with pytest.raises(UsageError, match="name another file with --graph sqlite:///FILE") as caught:
            SqliteStore(path)
        assert str(path) in str(caught.value)
    assert text.read_text().startswith('{"eventType"'), "the file must be left as it is"


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database with other tables is nobody's graph: not a byte of it changes."""
    path = tmp_path / "books.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE books (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"books\.db"):
        SqliteStore(path)
    assert path.read_bytes() == before, "another program's database was changed"


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_file_that_stays_locked(tmp_path: Path, lock: str) -> None:
    """Waits for the one that holds a file, then says what is the matter, and leaves nothing open."""
    path = tmp_path / "graph.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {lock}")
        with pytest.raises(UsageError, match=r"^another process writes to .*graph\.db; wait for it or stop it$"):
            SqliteStore(path, busy_timeout_s=0.05)
        other.execute("COMMIT")
    SqliteStore(path).close()


def test_a_batch_is_one_transaction(tmp_path: Path) -> None:
    """Where a change can't be written at all, none of its batch is."""
    with closing(SqliteStore(tmp_path / "graph.db")) as store:
        broken = Change(Vertex("b", "thing", {"rev": object()}), NotExists(), PropertyEquals("rev", "1"))  # type: ignore[dict-item]
        with pytest.raises(TypeError):
            store.write([change("a"), broken])
        assert store.read(["a"]) == {}
        assert store.write([change("a")]) == set(), "and the store goes on"


def test_each_page_of_ids_costs_the_same() -> None:
    """All vertices come once, in pages; SQLite does not read again what earlier pages had."""
    wanted = [f"{stem}/{number:04}" for stem in ("a", "b", "c") for number in range(1_000)]
    costs = [0]

    def count() -> None:
        costs[-1] += 1

    with closing(SqliteStore(Path(":memory:"))) as store:
        store.write([change(id_) for id_ in wanted])
        store._db.set_progress_handler(count, 10)
        found: list[str] = []
        while page := store.ids("thing", found[-1] if found else "", 70):
            found += page
            costs.append(0)
    assert found == wanted
    assert max(costs) < 2 * costs[0], costs


def test_a_file_that_another_writer_holds(tmp_path: Path) -> None:
    """A writer that waited in vain may try again later; a reader is not held up."""
    path = tmp_path / "graph.db"
    opened = SqliteStore(path, busy_timeout_s=0.001)
    with closing(opened) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        store.write([change("a")])
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError, match=r"^another process writes to .*graph\.db; wait for it or stop it$"):
            store.write([change("b")])
        assert store.read(["a"]) == {"a": {"rev": "1"}}
        other.execute("COMMIT")
        assert store.write([change("b")]) == set()


def test_a_long_wait_for_another_writer_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, before the rest of the wait; what holds the file for a moment is not mentioned."""
    monkeypatch.setattr("consumer.graph.sqlite_store.WARN_AFTER_S", 0.001)
    path = tmp_path / "graph.db"
    opened = SqliteStore(path, busy_timeout_s=0.05)
    with closing(opened) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        with capture_logs() as lines:
            store.write([change("a")])
        assert lines == []
        other.execute("BEGIN IMMEDIATE")
        with capture_logs() as lines, pytest.raises(TransientError):
            store.write([change("b")])
        assert [line["event"] for line in lines] == ["waiting for another process's write"]
        assert lines[0]["file"] == str(path)
        assert store._db.execute("PRAGMA busy_timeout").fetchone() == (50,), "the next statement waits as before"


def test_a_full_disk(tmp_path: Path) -> None:
    """It is told as such, nothing of the batch is there, and what there is room for is written afterwards."""
    path = tmp_path / "graph.db"
    with closing(SqliteStore(path)) as store:
        store._db.execute("PRAGMA max_page_count = 20")
        store._db.execute("PRAGMA cache_size = 5")  # so that it is full before the commit
        with pytest.raises(TransientError, match=r"writing .* is full; check that its disk has free space"):
            store.write([change(f"v{number}", text="x" * 3_000) for number in range(100)])
        assert list(store.vertices("thing")) == []
        assert store.write([change("a")]) == set()


@pytest.mark.parametrize("name", READS)
def test_a_file_that_can_not_be_read_now(tmp_path: Path, name: str) -> None:
    """Whatever is read: it may be tried again, and the message names the file."""
    with closing(SqliteStore(tmp_path / "graph.db")) as store:
        store.write([change("a")])
        store._db.set_progress_handler(lambda: 1, 1)  # SQLite interrupts itself
        with pytest.raises(TransientError, match=r"reading .*graph\.db failed: interrupted"):
            READS[name](store)
        with pytest.raises(TransientError, match=r"reading .*graph\.db failed: interrupted"), store.snapshot():
            READS[name](store)
        store._db.set_progress_handler(lambda: 0, 1)
        with store.snapshot():
            READS[name](store)


def damaged(path: Path) -> Path:
    """A graph's file of which all but its schema is lost."""
    with closing(SqliteStore(path)) as store:
        store.write([change(f"v{number}", text="x" * 1_000) for number in range(100)])
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", WORK)
def test_a_damaged_file(tmp_path: Path, name: str) -> None:
    """Another try would not help: it says which file, what is the matter, and how to get a good one."""
    with closing(SqliteStore(damaged(tmp_path / "graph.db"))) as store:
        with pytest.raises(UsageError) as caught:
            WORK[name](store)
        for part in ("graph.db is damaged", "malformed", "restore a backup", "`headwater replay`"):
            assert part in str(caught.value)


@pytest.mark.parametrize("kept", [0, 100], ids=["header", "schema"])
def test_a_file_without_its_beginning(tmp_path: Path, kept: int) -> None:
    """It can't even be opened, and is told of likewise."""
    path = damaged(tmp_path / "graph.db")
    content = path.read_bytes()
    path.write_bytes(content[:kept] + b"\xff" * (len(content) - kept))
    with pytest.raises(UsageError, match=r"graph\.db is damaged or not a graph: .*; restore a backup"):
        SqliteStore(path).read(["a"])


def test_commands_on_a_damaged_file(tmp_path: Path) -> None:
    """They end as with a wrong setting, and call it no fault of Headwater."""
    done = headwater("export", "--graph", f"sqlite:///{damaged(tmp_path / 'graph.db')}")
    assert (done.exit_code, "graph.db is damaged" in done.stderr) == (2, True), done.stderr
    assert "a fault of Headwater" not in done.stderr
