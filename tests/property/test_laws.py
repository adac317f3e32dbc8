"""The laws of the graph: order and repetition, batches and writers, make no difference."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph import export
from consumer.graph.embedded import EmbeddedStore
from consumer.graph.store import GraphStore
from consumer.graph.writer import GraphWriter
from consumer.lineage.delta import Delta, merge
from consumer.lineage.fold import fold
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode_document
from tests.support.generate import events

RULES = IdentityRules.of()


def folded(batch: Sequence[Any]) -> Delta:
    """One delta of a batch of documents."""
    delta = Delta()
    for document in batch:
        merge(delta, fold(decode_document(document), RULES))
    return delta


def exported(store: GraphStore) -> bytes:
    """The graph as bytes."""
    return export.to_json(export.document(store))


def ingested(batches: Sequence[Sequence[Any]]) -> bytes:
    """The graph that batches make, as bytes."""
    store = EmbeddedStore(Path(":memory:"))
    writer = GraphWriter(store)
    for batch in batches:
        writer.apply(folded(batch))
    found = exported(store)
    store.close()
    return found


def difference(found: bytes, expected: bytes) -> str:
    """What differs between two exports, as a unified diff."""
    lines = difflib.unified_diff(expected.decode().split("\n"), found.decode().split("\n"), lineterm="", n=6)
    return "\n".join(lines)


def cut(documents: Sequence[Any], rng: random.Random) -> list[list[Any]]:
    """Documents shuffled, some of them repeated, cut into batches."""
    shuffled = [*documents, *(document for document in documents if rng.random() < 0.3)]
    rng.shuffle(shuffled)
    batches: list[list[Any]] = [[]]
    for document in shuffled:
        if batches[-1] and rng.random() < 0.4:
            batches.append([])
        batches[-1].append(document)
    return batches


@settings(max_examples=400, deadline=None)
@given(events(), st.integers(0, 2**32))
def test_order_repetition_and_batches_make_no_difference(documents: list[Any], seed: int) -> None:
    """Any permutation, with repetitions, cut into any batches, exports the same bytes."""
    changed = difference(ingested(cut(documents, random.Random(seed))), ingested([documents]))
    assert not changed, f"the graph depends on how the events arrived:\n{changed}"


class Interrupted:
    """A store that lets something else happen before chosen calls to it."""

    def __init__(self, store: EmbeddedStore, at: frozenset[int], other: Callable[[], None]) -> None:
        self._store = store
        self._at = at
        self._other = other
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        self._calls += 1
        if self._calls in self._at:
            self._other()
        return getattr(self._store, name)


@settings(max_examples=400, deadline=None)
@given(events(linked=False), st.integers(0, 2**32), st.frozensets(st.integers(1, 60), max_size=12))
def test_writers_at_once_make_no_difference(documents: list[Any], seed: int, at: frozenset[int]) -> None:
    """Two writers, one of which does its batches between any two steps of the other, end in the same bytes."""
    rng = random.Random(seed)
    mine, others = cut(documents, rng), cut(documents, rng)
    store = EmbeddedStore(Path(":memory:"))
    other = GraphWriter(store)

    def next_of_other() -> None:
        if others:
            other.apply(folded(others.pop()))

    writer = GraphWriter(Interrupted(store, at, next_of_other))
    for batch in mine:
        writer.apply(folded(batch))
    while others:
        next_of_other()
    changed = difference(exported(store), ingested([documents]))
    assert not changed, f"two writers at once made another graph:\n{changed}"


@settings(max_examples=400, deadline=None)
@given(events(), st.integers(0, 2**32), st.integers(1, 60))
def test_a_crash_anywhere_makes_no_difference(documents: list[Any], seed: int, step: int) -> None:
    """A writer that dies before any step, and another one that begins its batch again, end in the same bytes."""
    batches = cut(documents, random.Random(seed))
    store = EmbeddedStore(Path(":memory:"))

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
    changed = difference(exported(store), ingested([documents]))
    assert not changed, f"a crash between two steps made another graph:\n{changed}"
