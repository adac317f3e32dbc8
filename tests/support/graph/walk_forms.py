"""Compares the walks of a store in its own form with those in the form that every store has."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.graph import schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.store import GraphStore
from consumer.graph.walks.keyed_graph import Walkable
from consumer.query.resolve import LineageNode
from consumer.query.traversal.answer import target_of
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName

MISSING = DatasetName("redshift://nowhere", "dev.s.not%20there/at all")


def targets_in(store: GraphStore) -> Iterator[LineageNode]:
    """Yields the datasets, exposures and columns of a graph, and some that it does not have."""
    yield from (LineageNode(MISSING), LineageNode(MISSING, "a/b"), LineageNode(MISSING, "*"))
    for vertex in store.vertices(schema.NODE):
        target = target_of(vertex.id)
        yield from (target, target._replace(column="no/such%column")) if target.kind == "dataset" else (target,)
    for vertex in store.vertices(schema.COLUMN):
        yield target_of(vertex.id)


def check_forms(store: GraphStore, upstream: int, downstream: int, every: int = 1) -> None:
    """Compares the lineage of targets of a graph; of many, every n-th."""
    assert isinstance(store, Walkable)
    plain = DelegatingStore(store)
    assert not isinstance(plain, Walkable)
    for target in list(targets_in(store))[::every]:
        for columns, direct in ((False, False), (True, False), (True, True)):
            found = lineage(store, target, upstream, downstream, columns=columns, direct=direct)
            expected = lineage(plain, target, upstream, downstream, columns=columns, direct=direct)
            assert found == expected, f"{target}, by columns: {columns}, by values: {direct}"
