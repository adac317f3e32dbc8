"""One state of the graph for several reads, where a store can give that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore


@contextmanager
def read_snapshot(store: GraphStore) -> Iterator[None]:
    """Reads within it see one state of a SQLite file; a Gremlin server has none to give."""
    if isinstance(store, SqliteStore):
        with store.snapshot():
            yield
    else:
        yield
