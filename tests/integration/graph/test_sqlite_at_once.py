"""A graph in a file that several open and write at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, NotExists, PropertyEquals, Vertex


def change(id_: str, **also: str) -> Change:
    """A new vertex."""
    return Change(Vertex(id_, "thing", {"rev": "1", **also}), NotExists(), PropertyEquals("rev", "1"))


def test_opened_by_several_at_once(tmp_path: Path) -> None:
    """Consumers that start together on a new file all open it and write; SQLite's switch of modes does not wait."""
    writers, rounds = 4, 100

    def open_and_write(path: Path, name: str, start: threading.Barrier) -> set[str]:
        start.wait(60)
        with closing(SqliteStore(path)) as store:
            return store.write([change(name)])

    with ThreadPoolExecutor(writers) as pool:
        for number in range(rounds):
            path, start = tmp_path / f"{number}.db", threading.Barrier(writers)
            results = [pool.submit(open_and_write, path, f"v{writer}", start) for writer in range(writers)]
            assert [result.result() for result in results] == [set()] * writers, f"round {number}: a write was lost"
            with closing(SqliteStore(path)) as store:
                assert len(list(store.vertices("thing"))) == writers, f"round {number}: a vertex is missing"
