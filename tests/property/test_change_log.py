"""The log of changes: each change once, with any writers, with repeated events, and through crashes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph import change_log
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.reconcile import Reconcile
from consumer.projection.graph_writer import GraphWriter
from tests.property.test_laws import Interrupted, write_with_a_crash
from tests.support.events.event_strategies import events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import folded, shuffled, write
from tests.support.graph.logged import added_up, records, shown


def check(store: GraphStore) -> None:
    """The records must add up to what is shown."""
    found, expected = added_up(store), shown(store)
    assert found == expected, f"too often: {found - expected}, too seldom: {expected - found}"


@settings(max_examples=examples(100), deadline=None)
@given(events(), st.integers(0, 2**32))
def test_each_change_is_recorded_once(documents: list[Any], seed: int) -> None:
    """In any order and batches; and the same events once more, or a reconcile, record nothing."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, shuffled(documents, seed, 4))
        check(store)
        before = records(store)
        assert [entry.record for entry in change_log.pending(store, 100_000)] == before
        write(store, shuffled(documents, seed + 1, 4))
        chore, place = Reconcile(store, NO_RULES, 10), ""
        while (following := chore.step(place)) is not None:
            place = following
        assert records(store) == before


@settings(max_examples=examples(60), deadline=None)
@given(events(), st.integers(0, 2**32), st.frozensets(st.integers(1, 60), max_size=12))
def test_writers_at_once(documents: list[Any], seed: int, at: frozenset[int]) -> None:
    """Two writers, one of which does its batches between any two steps of the other."""
    mine, others = shuffled(documents, seed, 4), shuffled(documents, seed + 1, 4)
    with closing(SqliteStore(Path(":memory:"))) as store:
        other = GraphWriter(store)

        def next_of_other() -> None:
            if others:
                other.apply(folded(others.pop()))

        writer = GraphWriter(Interrupted(store, at, next_of_other))
        for batch in mine:
            writer.apply(folded(batch))
        while others:
            next_of_other()
        check(store)


@settings(max_examples=examples(60), deadline=None)
@given(events(), st.integers(0, 2**32), st.integers(1, 60))
def test_a_crash_anywhere(documents: list[Any], seed: int, step: int) -> None:
    """A writer dies before any step, and another one begins that batch again."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write_with_a_crash(store, shuffled(documents, seed, 4), step)
        check(store)
