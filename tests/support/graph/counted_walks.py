"""A store that counts the requests for edges that a walk makes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from consumer.graph.store import GraphStore
from consumer.graph.walks.id_graph import for_walks
from consumer.graph.walks.keyed_graph import Along, Hop


class _CountingGraph:
    """A graph for walks that notes the label of each request for edges."""

    def __init__(self, graph: Any, labels: list[str]) -> None:
        self._graph = graph
        self._labels = labels

    def __getattr__(self, name: str) -> Any:
        return getattr(self._graph, name)

    def hops(self, keys: Collection[Any], along: Along) -> list[Hop[Any]]:
        """Notes a request, unless nothing is asked for, and asks the graph."""
        if keys:
            self._labels.append(along.label)
        found: list[Hop[Any]] = self._graph.hops(keys, along)
        return found


class CountingStore:
    """A store that counts the requests for edges of walks, in the store's own form for walks.

    Attributes:
        labels: The label of each request.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self.labels: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def for_walks(self) -> Iterator[Any]:
        """Yields the store's form for walks, counted."""
        with for_walks(self._store) as graph:
            yield _CountingGraph(graph, self.labels)
