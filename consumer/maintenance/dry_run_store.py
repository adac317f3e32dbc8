"""A store for looking: every view in it seems to lag behind, and what is written is compared instead.

So the classes that draw views tell what is wrong with a graph: they draw all anew, and the changes that would make a
difference are noted. There is no second description of what is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from consumer.graph import ids, schema
from consumer.graph.delegating_store import Around
from consumer.graph.store import (
    Absent,
    Change,
    Direction,
    DropEdges,
    DropLonely,
    DropVertices,
    Edge,
    GraphStore,
    Properties,
    Scalar,
    Step,
    Vertex,
)

_AT: Mapping[str, tuple[str, Direction, int]] = {
    "reads": (schema.READS, "in", 2),
    "writes": (schema.WRITES, "out", 0),
    "edge": (schema.EDGE, "out", 0),
    "exposed": (schema.EDGE, "out", 0),
    "column_edge": (schema.COLUMN_EDGE, "out", 0),
    "column_of": (schema.COLUMN_OF, "out", 0),
    "names": (schema.NAMES, "out", 0),
}
"""By an edge id's kind: the edge's label, how it lies at one of its vertices, and where that one's parts begin."""

_VERTEX = {"writes": ("job", 2), "reads": ("job", 2), "edge": ("dataset", 2), "column_edge": ("column", 3)} | {
    "column_of": ("column", 3),
    "exposed": ("dataset", 2),
    "names": ("job", 2),
}
"""By an edge id's kind: the kind of that vertex, and how many parts its name has."""


def _where(edge: str) -> tuple[str, Direction, str]:
    """The label of an edge, and a vertex at which it lies in a direction, told from its id."""
    kind, *parts = ids.parse(edge)
    label, direction, start = _AT[kind]
    vertex, count = _VERTEX[kind]
    return label, direction, ids.make(vertex, *parts[start : start + count])


class Looking(Around):
    """A store that changes nothing.

    Attributes:
        wrong: Ids of vertices of which a change would have made a difference, to them or to what hangs on them.
    """

    def __init__(self, store: GraphStore) -> None:
        super().__init__(store)
        self.wrong: set[str] = set()

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, as if each had a projection of which only a part is written."""
        found = self._store.read(ids, keys)
        return {id_: {**properties, "partial": True} for id_, properties in found.items()}

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Notes changes that would make a difference; returns the owners of those whose condition does not hold."""
        by_owner: defaultdict[str, list[Change]] = defaultdict(list)
        for change in changes:
            by_owner[change.owner.id].append(change)
        there = _There(self._store, changes)
        failed = {owner for owner, of_one in by_owner.items() if not _holds(of_one[0], there.vertices.get(owner))}
        self.wrong.update(
            owner for owner, of_one in by_owner.items() if owner not in failed and not there.has(owner, of_one)
        )
        return failed


def _holds(change: Change, known: Properties | None) -> bool:
    if known is not None and known.get(change.token.key) == change.token.value:
        return True
    if isinstance(change.when, Absent):
        return known is None
    return known is not None and known.get(change.when.key) == change.when.value


class _There:
    """What a store has of all that changes speak of."""

    def __init__(self, store: GraphStore, changes: Sequence[Change]) -> None:
        self._store = store
        steps = [step for change in changes for step in change.steps]
        self.vertices = store.read(list({change.owner.id for change in changes} | set(_vertices(steps))))
        self._edges = self._read_edges(_edges(steps))

    def _read_edges(self, wanted: Iterable[str]) -> dict[str, Edge]:
        at: defaultdict[tuple[str, Direction], set[str]] = defaultdict(set)
        for edge in wanted:
            label, direction, vertex = _where(edge)
            at[label, direction].add(vertex)
        return {
            edge.id: edge
            for (label, direction), vertices in at.items()
            for edge in self._store.edges_at(sorted(vertices), label, direction)
        }

    def has(self, owner: str, changes: Sequence[Change]) -> bool:
        """Whether an owner is as changes, done one after the other, would leave it."""
        known = self.vertices.get(owner)
        if known is None:
            return False
        wanted: dict[str, Scalar] = {}
        for change in changes:
            wanted = {key: value for key, value in wanted.items() if key not in change.removes}
            wanted |= change.owner.properties
        # Every change has a token of its own.
        wanted.pop("rev", None)
        removed = {key for change in changes for key in change.removes} - wanted.keys()
        return (
            not removed & known.keys()
            and _covers(known, wanted)
            and all(self._is_done(step) for change in changes for step in change.steps)
        )

    def _is_done(self, step: Step) -> bool:
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
            case DropLonely():
                return not self._lonely(step)

    def _lonely(self, step: DropLonely) -> set[str]:
        """Which vertices such a step would remove."""
        free = {id_ for id_ in step.ids if id_ in self.vertices and not self.vertices[id_].get(step.unless_property)}
        if not free:
            return free
        tied = [
            *self._store.edges_at(sorted(free), step.unless_edges, "in"),
            *self._store.edges_at(sorted(free), step.unless_edges, "out"),
        ]
        return free.difference(*((edge.source, edge.target) for edge in tied))


def _covers(known: Properties, wanted: Properties) -> bool:
    # A property that is not there is one that is empty.
    return all(known.get(key, "") == value for key, value in wanted.items())


def _vertices(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Vertex):
            yield step.id
        elif isinstance(step, DropVertices | DropLonely):
            yield from step.ids


def _edges(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Edge):
            yield step.id
        elif isinstance(step, DropEdges):
            yield from step.ids
