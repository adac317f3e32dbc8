"""A store that delegates to another one, as a base class for decorators."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties, Vertex


class DelegatingStore:
    """Delegates all calls to a store, except `close`: the wrapped store is closed by its owner."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices by id."""
        return self._store.read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes; returns the owners of changes that were not applied."""
        return self._store.write(changes)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        return self._store.edges_at(ids, label, direction)

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        return self._store.latest_at(ids, label, until, count, keys)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given id."""
        return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        return self._store.vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        return self._store.edges(label)

    def close(self) -> None:
        """Does nothing."""
