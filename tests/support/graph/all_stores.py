"""Every store of graphs under one interface, for tests that run on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from tests.support.processes.servers import GremlinServer, NeptuneProxy

STORES = ("embedded", "gremlin", "tinkergraph", "neptune")
"""A SQLite file; a Gremlin Server with transactions; one on plain TinkerGraph; Neptune's look-alike."""


@dataclass(frozen=True)
class Graph:
    """One graph, empty at first, on which any number of stores can be opened.

    Attributes:
        kind: One of `STORES`.
        connect: Opens a further store, which the caller closes.
        clear: Empties the graph; no store may be open.
    """

    kind: str
    connect: Callable[[], GraphStore]
    clear: Callable[[], None]


@contextmanager
def opened(kind: str, request: pytest.FixtureRequest) -> Iterator[Graph]:
    """A graph of a kind, for one test; at the end Neptune must have found nothing wrong with how it was used."""
    if kind == "embedded":
        folder: Path = request.getfixturevalue("tmp_path")

        def clear() -> None:
            for file in folder.glob("graph.db*"):
                file.unlink()

        yield Graph(kind, lambda: SqliteStore(folder / "graph.db"), clear)
    elif kind == "neptune":
        proxy: NeptuneProxy = request.getfixturevalue("neptune_proxy")
        monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
        for name, value in proxy.environment_of_clients.items():
            monkeypatch.setenv(name, value)
        proxy.clear()
        proxy.reset_stats()
        yield Graph(kind, lambda: open_gremlin(proxy.url), proxy.clear)
        stats = proxy.stats()
        assert not stats["rejected"], f"Neptune would refuse requests: {stats['rejected']}"
        assert not stats["warnings"], f"Neptune would run requests slowly: {stats['warnings']}"
    else:
        server: GremlinServer = request.getfixturevalue(f"{kind}_server")
        server.clear()
        yield Graph(kind, lambda: open_gremlin(server.url), server.clear)
