"""A store around another one: passes everything on, for those that change one thing about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties, Vertex


class Around:
    """Passes everything on to a store, but its end, which is somebody else's to bring about."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id."""
        return self._store.read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes; returns the owners of those that were not done."""
        return self._store.write(changes)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave or enter vertices."""
        return self._store.edges_at(ids, label, direction)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """The first ids of vertices of a label after a given one."""
        return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """All vertices of a label."""
        return self._store.vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """All edges of a label."""
        return self._store.edges(label)

    def close(self) -> None:
        """Nothing."""
