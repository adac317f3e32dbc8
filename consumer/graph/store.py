"""The port to a property graph: what a store must do so that facts and views can be kept in it.

A change belongs to one vertex, its owner, and is done as a whole or not at all, under a condition on that owner. So two
writers can never mix their work, a change may be sent twice, and what a writer believes of the store may be old: the
condition then fails, and it reads again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

Scalar = str | int | bool
Properties = Mapping[str, Scalar]


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
    """Edges to remove, by id; those that are not there don't matter."""

    ids: tuple[str, ...]


class DropLonely(NamedTuple):
    """Vertices to remove unless a property of theirs is true or they have edges of a label.

    It is looked at the end of a write, or of the part of it that a store does at once: what another change needs stays.
    """

    ids: tuple[str, ...]
    unless_property: str
    unless_edges: str


class DropVertices(NamedTuple):
    """Vertices to remove, with their edges."""

    ids: tuple[str, ...]


Step = Vertex | Edge | DropEdges | DropLonely | DropVertices
"""One thing to do. A Vertex or Edge is made, or brought to the given properties where it is there already."""


class Absent(NamedTuple):
    """The owner is not there; it is made."""


class Is(NamedTuple):
    """The owner's property has a value."""

    key: str
    value: Scalar


Condition = Absent | Is

MOST_STEPS = 200
"""How many steps one change may have: Neptune refuses requests of more than 1,500 Gremlin steps, which is some seven
times as many."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to do to a vertex, and to what hangs on it, under a condition on it.

    Attributes:
        owner: The vertex: its id, its label, and the properties to set on it.
        when: The condition.
        token: A property that has this value afterwards exactly if the change was done, now or by an earlier sending.
        steps: What else to do, in this order, once the owner's properties are set.
        removes: Properties to take off the owner.
    """

    owner: Vertex
    when: Condition
    token: Is
    steps: tuple[Step, ...] = ()
    removes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) > MOST_STEPS:
            raise ValueError(
                f"a change of {self.owner.id} has {len(self.steps)} steps, and no store has to do more than "
                f"{MOST_STEPS} at once: divide it into changes under one condition"
            )


Direction = Literal["in", "out"]


class GraphStore(Protocol):
    """A property graph in which facts and views are kept.

    Every method raises `consumer.errors.TransientError` where the store can't serve now.
    """

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id; those that are not there are left out.

        Args:
            ids: Which vertices.
            keys: Which properties; all if none is named.
        """

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes, in their order; returns the owners of those that were not done."""

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave (`out`) or enter (`in`) vertices."""

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """The first `count` ids of vertices of a label after a given one, in an order that is always the same."""

    def vertices(self, label: str) -> Iterator[Vertex]:
        """All vertices of a label, in no order."""

    def edges(self, label: str) -> Iterator[Edge]:
        """All edges of a label, in no order."""

    def close(self) -> None:
        """Gives back what the store holds."""
