"""The laws of the graph: order and repetition, batches and writers, make no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph.format_version import claim
from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.reconcile import Reconcile
from consumer.projection.graph_writer import GraphWriter
from tests.support.events.event_builders import many_names
from tests.support.events.event_strategies import events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, embedded_whole, folded, shuffled, whole


@settings(max_examples=examples(100), deadline=None)
@given(events(), st.integers(0, 2**32))
def test_order_repetition_and_batches_make_no_difference(documents: list[Any], seed: int) -> None:
    """Any permutation, with repetitions, cut into any batches, exports the same bytes."""
    changed = difference(embedded_whole(shuffled(documents, seed, 4)), embedded_whole([documents]))
    assert not changed, f"the graph depends on how the events arrived:\n{changed}"


def write_with_a_crash(store: SqliteStore, batches: Iterable[list[Any]], step: int) -> None:
    """Writes batches; a writer dies before a step of one, and another one begins that batch again and goes on."""

    def die() -> None:
        raise KeyboardInterrupt

    writer = GraphWriter(Interrupted(store, frozenset({step}), die))
    for batch in batches:
        delta = folded(batch)
        try:
            writer.apply(delta)
        except KeyboardInterrupt:
            writer = GraphWriter(store)
            writer.apply(delta)


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(1, 200))
def test_a_dataset_of_many_names_obeys_the_laws(made: int, seed: int, step: int) -> None:
    """In any order, and with a crash on the way, its names become one; and then there is nothing to mend."""
    documents = many_names(made)
    expected = embedded_whole([documents])
    assert expected.count(b'"node_name"') == 3, "the names are not one dataset"
    store = SqliteStore(Path(":memory:"))
    claim(store)
    write_with_a_crash(store, shuffled(documents, seed, 12), step)
    changed = difference(whole(store), expected)
    assert not changed, f"the graph depends on how the events arrived:\n{changed}"
    chore, place = Reconcile(store, NO_RULES, 10), ""
    while (following := chore.step(place)) is not None:
        place = following
    assert chore.result.repaired == 0
    assert whole(store) == expected


class Interrupted:
    """A store that lets something else happen before chosen calls to it."""

    def __init__(self, store: SqliteStore, at: frozenset[int], other: Callable[[], None]) -> None:
        self._store = store
        self._at = at
        self._other = other
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        self._calls += 1
        if self._calls in self._at:
            self._other()
        return getattr(self._store, name)


@settings(max_examples=examples(100), deadline=None)
@given(events(linked=False), st.integers(0, 2**32), st.frozensets(st.integers(1, 60), max_size=12))
def test_writers_at_once_make_no_difference(documents: list[Any], seed: int, at: frozenset[int]) -> None:
    """Two writers, one of which does its batches between any two steps of the other, end in the same bytes."""
    mine, others = shuffled(documents, seed, 4), shuffled(documents, seed + 1, 4)
    store = SqliteStore(Path(":memory:"))
    other = GraphWriter(store)

    def next_of_other() -> None:
        if others:
            other.apply(folded(others.pop()))

    writer = GraphWriter(Interrupted(store, at, next_of_other))
    for batch in mine:
        writer.apply(folded(batch))
    while others:
        next_of_other()
    changed = difference(whole(store), embedded_whole([documents]))
    assert not changed, f"two writers at once made another graph:\n{changed}"


@settings(max_examples=examples(100), deadline=None)
@given(events(), st.integers(0, 2**32), st.integers(1, 60))
def test_a_crash_anywhere_makes_no_difference(documents: list[Any], seed: int, step: int) -> None:
    """A writer that dies before any step, and another one that begins its batch again, end in the same bytes."""
    store = SqliteStore(Path(":memory:"))
    claim(store)
    write_with_a_crash(store, shuffled(documents, seed, 4), step)
    changed = difference(whole(store), embedded_whole([documents]))
    assert not changed, f"a crash between two steps made another graph:\n{changed}"
