"""Writers at once on every store: any schedule of their calls leaves the bytes of a single writer on SQLite."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from tests.support.processes.servers import GremlinServer, NeptuneProxy
from tests.support.writers.concurrent_writers import (
    MOST_TASKS,
    SCHEDULES,
    case,
    described,
    play,
    seeds,
)
from tests.support.writers.shrinking import shrunk

CASES = {"embedded": SCHEDULES // 10, "gremlin": SCHEDULES // 20, "neptune": SCHEDULES // 40}
"""How many cases each kind of store has; a call of a server takes some milliseconds."""

PLAYS = 300
"""How many smaller cases are tried of one that fails: a minute on a server."""

FIRST = 100_000
"""The first seed, other than those of the property test."""


BRIEF = RetryPolicy(max_elapsed_s=0.2, initial_backoff_s=0.01, max_backoff_s=0.05)
"""A request that fails is not worth a long wait: no other writer can go on while one has its turn."""


class Connected:
    """A graph with a connection for each task, kept from case to case."""

    def __init__(self, connect: Callable[[], GraphStore], clear: Callable[[], None], stack: ExitStack) -> None:
        self._clear = clear
        self._stores = [connect() for _ in range(MOST_TASKS)]
        for store in self._stores:
            stack.callback(store.close)

    def stores(self, count: int) -> Sequence[GraphStore]:
        """Stores on one empty graph."""
        self._clear()
        return self._stores[:count]


class Files:
    """A SQLite file for each case, with a connection for each task."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._paths = (folder / f"{number}.db" for number in itertools.count())
        self._stack = stack

    def stores(self, count: int) -> Sequence[GraphStore]:
        """Stores on one empty graph."""
        self._stack.close()
        path = next(self._paths)
        found = [SqliteStore(path) for _ in range(count)]
        for store in found:
            self._stack.callback(store.close)
        return found


@pytest.fixture(params=list(CASES))
def ground(request: pytest.FixtureRequest) -> Iterator[tuple[str, Connected | Files]]:
    """Each kind of store in turn, with its name."""
    with ExitStack() as stack:
        if request.param == "embedded":
            folder: Path = request.getfixturevalue("tmp_path")
            yield request.param, Files(folder, stack)
        elif request.param == "gremlin":
            server: GremlinServer = request.getfixturevalue("gremlin_server")
            yield request.param, Connected(lambda: open_gremlin(server.url, BRIEF), server.clear, stack)
        else:
            proxy: NeptuneProxy = request.getfixturevalue("neptune")
            yield request.param, Connected(lambda: open_gremlin(proxy.url, BRIEF), proxy.clear, stack)
            stats = proxy.stats()
            assert not stats["rejected"], f"Neptune would refuse requests: {stats['rejected']}"


@pytest.mark.timeout(3600)
def test_any_schedule(ground: tuple[str, Connected | Files]) -> None:
    """Cases of all kinds, with crashes: the graph is that of a single writer, and a reconcile has nothing to do."""
    kind, place = ground
    for seed in seeds(FIRST, CASES[kind]):
        one = case(seed)
        result = play(one, place)
        if result.fault:
            pytest.fail(f"on {kind}:\n{described(*shrunk(one, result, place, PLAYS))}")
