"""The prune of texts: what facts refer to is there, whatever writers do beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import TransientError
from consumer.graph import schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties
from consumer.history.past_graph import as_of
from consumer.maintenance.prune import Prune
from consumer.maintenance.prune_cutoffs import Cutoffs
from consumer.maintenance.text_pruning import GRACE_S
from consumer.projection.graph_writer import GraphWriter
from tests.support.events.event_builders import run_event
from tests.support.events.event_strategies import events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, folded, shuffled, whole, write

TRIES = 9
FAR = "2027-01-01T00:00:00.000000Z"
cutoffs = st.integers(1, 7).map(lambda second: f"2026-01-01T00:00:0{second}.000000Z")


class Beside(DelegatingStore):
    """A store before one call of which something else happens.

    Args:
        store: The store.
        at: The number of the call.
        act: What happens then.
    """

    def __init__(self, store: GraphStore, at: int, act: Callable[[], None]) -> None:
        super().__init__(store)
        self._calls = count()
        self._at = at
        self._act = act

    def from_now(self, at: int) -> None:
        """Sets the number of the call, counted from now."""
        self._calls, self._at = count(), at

    def _count(self) -> None:
        if next(self._calls) == self._at:
            self._act()

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices by id."""
        self._count()
        return super().read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes; returns the owners of changes that were not applied."""
        self._count()
        return super().write(changes)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        self._count()
        return super().edges_at(ids, label, direction)


def pruning(store: GraphStore, before: str) -> Callable[[], None]:
    """Returns what prunes a graph twice, the second time so late that marked texts go."""
    hours: Iterator[int] = count()

    def prune() -> None:
        for _ in range(2):
            chore = Prune(store, lambda: Cutoffs(before, before), "test", clock=lambda: next(hours) * GRACE_S)
            place: str | None = ""
            while place is not None:
                place = chore.step(place)

    return prune


def texts(store: SqliteStore) -> int:
    """The number of texts in a graph."""
    return sum(1 for _ in store.vertices(schema.FACET))


def read_all(store: SqliteStore) -> bytes:
    """All that can be read of a graph, also of its past; a text that is missing is an error."""
    with closing(as_of(store, FAR)) as past:
        return whole(store) + whole(past)


def applied(writer: GraphWriter, batch: Sequence[Any]) -> None:
    """Writes a batch as the service does: what a prune has disturbed is written again."""
    for _ in range(TRIES):
        with suppress(TransientError):
            writer.apply(folded(batch))
            return
    pytest.fail("a batch fails again and again")


@settings(max_examples=examples(40), deadline=None)
@given(events(), st.integers(0, 2**32), cutoffs, st.integers(0, 60))
def test_no_text_is_missing(documents: list[Any], seed: int, before: str, at: int) -> None:
    """Two prunes between any two calls of a writer that remembers what is stored: all that facts refer to is there."""
    batches = shuffled(documents, seed, 4)
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [])
        writer = GraphWriter(Beside(store, at, pruning(store, before)))
        for batch in (*batches, *batches):
            applied(writer, batch)
        assert read_all(store)


@pytest.mark.parametrize("at", range(30))
def test_a_text_that_is_used_again_is_stored_again(at: int) -> None:
    """A writer that remembers the texts of an older model writes it again, with two prunes before any of its calls."""
    old = run_event("COMPLETE", 1, run="r1", inputs=["a"], outputs=["made"])
    new = run_event("COMPLETE", 5, run="r2", inputs=["b"], outputs=["made"])
    again = run_event("COMPLETE", 7, run="r3", inputs=["a"], outputs=["made"])
    with closing(SqliteStore(Path(":memory:"))) as store, closing(SqliteStore(Path(":memory:"))) as fresh:
        write(fresh, [[new], [again]])
        write(store, [])
        beside = Beside(store, -1, pruning(store, "2026-01-01T00:00:03.000000Z"))
        writer = GraphWriter(beside)
        applied(writer, [old])
        applied(writer, [new])
        beside.from_now(at)
        applied(writer, [again])
        pruning(store, "2026-01-01T00:00:03.000000Z")()
        assert not difference(read_all(store), read_all(fresh))


def test_texts_go_with_the_runs_that_referred_to_them() -> None:
    """The texts of an older model go two prunes after its last run; those of the present one stay."""
    old = run_event("COMPLETE", 1, run="r1", inputs=["a"], outputs=["made"])
    new = run_event("COMPLETE", 5, run="r2", inputs=["b"], outputs=["made"])
    with closing(SqliteStore(Path(":memory:"))) as store, closing(SqliteStore(Path(":memory:"))) as fresh:
        write(store, [[old], [new]])
        write(fresh, [[new]])
        before = texts(store)
        pruning(store, "2026-01-01T00:00:03.000000Z")()
        assert texts(store) < before
        assert texts(store) == texts(fresh)
        write(store, [[old]])
        assert read_all(store)
