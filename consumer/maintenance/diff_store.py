"""Graph store for a dry run: every projection in it seems outdated, and writes are compared instead.

So the classes that write projections find the faults of a graph: they project everything again, and the changes that
would have an effect are collected. No second definition of a correct graph exists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from consumer.graph import ids, schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.store import (
    Change,
    Direction,
    DropEdges,
    DropOrphans,
    DropVertices,
    Edge,
    GraphStore,
    NotExists,
    Properties,
    Scalar,
    Step,
    Vertex,
)
from consumer.projection.change_records import DRAWN, OWN


def _edge_location(edge: str) -> tuple[str, Direction, str]:
    """Returns the label of an edge, and a vertex with few edges of this label, with their direction there.

    Raises:
        ValueError: It is not the id of an edge of this graph.
    """
    ends = ids.edge_ends(edge)
    if ends is None:
        raise ValueError(f"{edge!r} is not the id of an edge of this graph")
    # Any number of jobs may read a dataset.
    return (ends.label, "in", ends.target) if ends.label == schema.READS else (ends.label, "out", ends.source)


class DiffStore(DelegatingStore):
    """Store that compares writes instead of applying them.

    Attributes:
        stale: Ids of vertices that a change would have altered, in themselves or in their edges.
    """

    def __init__(self, store: GraphStore) -> None:
        super().__init__(store)
        self.stale: set[str] = set()

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices, as if only a part of each projection was written."""
        found = self._store.read(ids, keys)
        return {id_: {**properties, "partial": True, DRAWN: ""} for id_, properties in found.items()}

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Collects changes that would have an effect; returns the owners of those whose condition does not hold."""
        by_owner: defaultdict[str, list[Change]] = defaultdict(list)
        for change in changes:
            by_owner[change.owner.id].append(change)
        there = _StoredState(self._store, changes)
        failed = {owner for owner, of_one in by_owner.items() if not _holds(of_one[0], there.vertices.get(owner))}
        self.stale.update(
            owner for owner, of_one in by_owner.items() if owner not in failed and not there.matches(owner, of_one)
        )
        return failed


def _holds(change: Change, known: Properties | None) -> bool:
    if known is not None and known.get(change.token.key) == change.token.value:
        return True
    if isinstance(change.when, NotExists):
        return known is None
    return known is not None and known.get(change.when.key) == change.when.value


class _StoredState:
    """The stored vertices and edges that changes concern."""

    def __init__(self, store: GraphStore, changes: Sequence[Change]) -> None:
        self._store = store
        steps = [step for change in changes for step in change.steps]
        self.vertices = store.read(list({change.owner.id for change in changes} | set(_vertices(steps))))
        self._edges = self._read_edges(_edges(steps))

    def _read_edges(self, wanted: Iterable[str]) -> dict[str, Edge]:
        at: defaultdict[tuple[str, Direction], set[str]] = defaultdict(set)
        for edge in wanted:
            label, direction, vertex = _edge_location(edge)
            at[label, direction].add(vertex)
        return {
            edge.id: edge
            for (label, direction), vertices in at.items()
            for edge in self._store.edges_at(sorted(vertices), label, direction)
        }

    def matches(self, owner: str, changes: Sequence[Change]) -> bool:
        """True if an owner is as the changes, applied one after the other, would leave it."""
        known = self.vertices.get(owner)
        if known is None:
            return False
        wanted: dict[str, Scalar] = {}
        for change in changes:
            wanted = {key: value for key, value in wanted.items() if key not in change.removes}
            wanted |= change.owner.properties
        # Every change has its own version.
        # Properties for the record of the next change, which a graph of an older version does not have.
        for key in ("rev", DRAWN, OWN):
            wanted.pop(key, None)
        removed = {key for change in changes for key in change.removes} - wanted.keys()
        return (
            not removed & known.keys()
            and _covers(known, wanted)
            and all(self._is_applied(step) for change in changes for step in change.steps)
        )

    def _is_applied(self, step: Step) -> bool:
        match step:
            case Vertex():
                return step.id in self.vertices and _covers(self.vertices[step.id], step.properties)
            case Edge():
                known = self._edges.get(step.id)
                same = known is not None and (known.source, known.target) == (step.source, step.target)
                return known is not None and same and _covers(known.properties, step.properties)
            case DropEdges():
                return not any(id_ in self._edges for id_ in step.ids)
            case DropVertices():
                return not any(id_ in self.vertices for id_ in step.ids)
            case DropOrphans():
                return not self._orphans(step)

    def _orphans(self, step: DropOrphans) -> set[str]:
        """Returns the vertices that such a step would remove."""
        free = {id_ for id_ in step.ids if id_ in self.vertices and not self.vertices[id_].get(step.unless_property)}
        if not free:
            return free
        tied = [
            *self._store.edges_at(sorted(free), step.unless_edges, "in"),
            *self._store.edges_at(sorted(free), step.unless_edges, "out"),
        ]
        return free.difference(*((edge.source, edge.target) for edge in tied))


def _covers(known: Properties, wanted: Properties) -> bool:
    # A property that is not set is an empty one.
    return all(known.get(key, "") == value for key, value in wanted.items())


def _vertices(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Vertex):
            yield step.id
        elif isinstance(step, DropVertices | DropOrphans):
            yield from step.ids


def _edges(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Edge):
            yield step.id
        elif isinstance(step, DropEdges):
            yield from step.ids
