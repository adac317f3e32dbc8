"""The port to a property graph, in which facts and projections are stored.

A change belongs to one vertex, its owner, and is applied atomically under a condition on that owner (optimistic
concurrency). So writers never interleave, a change may be sent twice, and a writer may work from a stale read: the
condition then fails, and the writer reads again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Scalar = str | int | bool
Properties = Mapping[str, Scalar]


def selected(properties: Properties, keys: Collection[str]) -> Properties:
    """Returns the named properties of those that are there; all if none is named."""
    return {key: properties[key] for key in keys if key in properties} if keys else properties


class Vertex(NamedTuple):
    """A vertex with all its properties."""

    id: str
    label: str
    properties: Properties


class Edge(NamedTuple):
    """An edge with all its properties; `source` and `target` are ids of vertices."""

    id: str
    label: str
    source: str
    target: str
    properties: Properties


class DropEdges(NamedTuple):
    """Removal of edges by id; missing ones are ignored."""

    ids: tuple[str, ...]


class DropOrphans(NamedTuple):
    """Removal of vertices, unless a property of theirs is true or they have edges of a label.

    Checked at the end of a write, or of the part that a store applies at once, so that vertices that another change
    needs are kept.
    """

    ids: tuple[str, ...]
    unless_property: str
    unless_edges: str


class DropVertices(NamedTuple):
    """Removal of vertices with their edges."""

    ids: tuple[str, ...]


Step = Vertex | Edge | DropEdges | DropOrphans | DropVertices
"""One step of a change. A Vertex or Edge is upserted with the given properties."""


class NotExists(NamedTuple):
    """A condition that the owner does not exist; the change creates it."""


class PropertyEquals(NamedTuple):
    """A condition that a property of the owner has a value."""

    key: str
    value: Scalar


Condition = NotExists | PropertyEquals

MAX_STEPS = 200
"""Maximum number of steps of one change: Neptune rejects requests of more than 1,500 Gremlin steps, about seven
times as many."""


@dataclass(frozen=True, slots=True)
class Change:
    """A conditional change of a vertex and its dependents.

    Attributes:
        owner: The vertex with its id, its label and the properties to set.
        when: The condition on the owner.
        token: A property that has this value afterwards only if the change was applied, now or by an earlier attempt.
        steps: Further steps, applied in order after the owner's properties are set.
        removes: Properties to remove from the owner.
    """

    owner: Vertex
    when: Condition
    token: PropertyEquals
    steps: tuple[Step, ...] = ()
    removes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) > MAX_STEPS:
            raise ValueError(
                f"a change of {self.owner.id} has {len(self.steps)} steps, and a store applies at most "
                f"{MAX_STEPS} at once: divide it into changes under one condition"
            )


Direction = Literal["in", "out"]


class GraphStore(Protocol):
    """A property graph that stores facts and projections.

    Every method raises `consumer.errors.TransientError` if the store is unavailable.
    """

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices by id, without missing vertices.

        Args:
            ids: Ids of the vertices.
            keys: Names of the properties; empty for all.
        """

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes in order; returns the owners of changes that were not applied."""

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave (`out`) or enter (`in`) vertices."""

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from: the latest ones by a property, latest first.

        Args:
            ids: Ids of the vertices that the edges enter.
            label: The edges' label.
            until: The property, and its greatest value that counts, both texts; an empty value does not count.
            count: How many vertices to return for each id; of some with equal values, any of them.
            keys: Names of the properties to return.

        Returns:
            By id the ids and properties of the vertices.
        """

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first `count` ids of vertices of a label after a given id, in a stable order."""

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label, in any order."""

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label, in any order."""

    def close(self) -> None:
        """Releases the store's resources."""
