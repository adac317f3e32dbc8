"""The prune: whatever runs go, lineage is what it was; and what is told again is there again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.prune import Prune, PruneResult
from consumer.maintenance.prune_cutoffs import Cutoffs
from consumer.maintenance.reconcile import Reconcile
from tests.support.events.event_strategies import events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, shuffled, whole, write

cutoffs = st.integers(1, 7).map(lambda second: f"2026-01-01T00:00:0{second}.000000Z")


def prune(store: GraphStore, before: str) -> PruneResult:
    """A whole prune."""
    chore = Prune(store, lambda: Cutoffs(before, before), "test", page=2)
    place: str | None = ""
    while place is not None:
        place = chore.step(place)
    return chore.result


def graph(batches: Sequence[Sequence[Any]]) -> SqliteStore:
    """The graph of batches of events."""
    store = SqliteStore(Path(":memory:"))
    write(store, batches)
    return store


def lineage(store: GraphStore) -> bytes:
    """An export without its runs."""
    found = orjson.loads(whole(store))
    del found["runs"]
    return orjson.dumps(found, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)


@settings(max_examples=examples(50))
@given(events(), st.integers(0, 2**32), cutoffs)
def test_lineage_stays(documents: list[Any], seed: int, before: str) -> None:
    """Without old runs the export is the same but for them; the views are those of the facts that are left."""
    store = graph(shuffled(documents, seed, 4))
    expected = lineage(store)
    prune(store, before)
    changed = difference(lineage(store), expected)
    assert not changed, f"the prune changed lineage:\n{changed}"
    assert not prune(store, before).removed, "a second prune finds nothing"
    chore, place = Reconcile(store, NO_RULES), ""
    while (following := chore.step(place)) is not None:
        place = following
    changed = difference(lineage(store), expected)
    assert (chore.result.repaired, changed) == (0, ""), f"the facts that are left say something else:\n{changed}"


@settings(max_examples=examples(50))
@given(events(), st.integers(0, 2**32), cutoffs)
def test_what_is_told_again_is_there_again(documents: list[Any], seed: int, before: str) -> None:
    """After a replay of all events, in any order, the graph is the one that was never pruned."""
    store = graph([documents])
    expected = whole(store)
    prune(store, before)
    write(store, shuffled(documents, seed, 4))
    changed = difference(whole(store), expected)
    assert not changed, f"a replay after a prune made another graph:\n{changed}"
