"""Gremlin traversals of changes and reads, in the form that Neptune executes natively; pure.

Writes start with a merge or with `V()`; merges match on the id alone and take constant maps; properties of vertices
have single cardinality (pages "Making efficient upserts with Gremlin mergeV() and mergeE() steps" and "Gremlin step
support" of Neptune's user guide). A request is one transaction, and idempotent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gremlin_python.process.traversal import Bytecode, Cardinality, Direction, Merge, Order, P, T

from consumer.graph import store
from consumer.graph.ids import edge_ends
from consumer.graph.store import (
    Change,
    DropEdges,
    DropOrphans,
    DropVertices,
    Edge,
    NotExists,
    PropertyEquals,
    Step,
    Vertex,
)
from consumer.graph.walks.keyed_graph import Along, Hop

MAX_RECORDS = 200
"""Maximum number of vertices and edges in one request (Neptune's advice for batches of upserts)."""

MAX_STEPS = 1_200
"""Maximum number of Gremlin steps in one request; Neptune rejects more than 1,500."""

MAX_CHARS = 1_000_000
"""Maximum number of characters of property values in one request; only a single change may exceed it."""

MAX_IDS = 1_000
"""Maximum number of ids in one read."""


def requests(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Yields changes in groups that fit into one request, in order; the changes of a group have the same token key."""
    group: list[Change] = []
    size = _Size()
    for change in changes:
        added = _size_of(change)
        total = _Size(*map(sum, zip(size, added, strict=True)))
        is_full = total.records > MAX_RECORDS or total.steps > MAX_STEPS or total.chars > MAX_CHARS
        # A change is never divided, as it is atomic. `write` asks all owners of a group for the same property.
        if group and (is_full or change.token.key != group[0].token.key):
            yield group
            group, total = [], added
        group.append(change)
        size = total
    if group:
        yield group


class _Size(NamedTuple):
    """The size of a request: vertices and edges, Gremlin steps, characters of property values."""

    records: int = 0
    steps: int = 0
    chars: int = 0


def _size_of(change: Change) -> _Size:
    """Returns the size of a change; the number of steps is an upper bound."""
    steps = 6 + len(change.owner.properties)
    texts = list(change.owner.properties.values())
    for step in change.steps:
        steps += 9 if isinstance(step, DropOrphans) else 3
        texts += step.properties.values() if isinstance(step, Vertex | Edge) else step.ids
    chars = sum(len(text) for text in texts if isinstance(text, str))
    return _Size(1 + len(change.steps), steps, chars)


class Touched(NamedTuple):
    """The vertices that changes have to do with.

    Attributes:
        changed: Those that are made, changed or removed.
        needed: Those at which edges end.
    """

    changed: frozenset[str]
    needed: frozenset[str]


def touched(changes: Sequence[Change]) -> Touched:
    """Returns the vertices that changes touch; an edge goes with the owner of its change."""
    changed: set[str] = set()
    needed: set[str] = set()
    for change in changes:
        changed.add(change.owner.id)
        for step in change.steps:
            if isinstance(step, Edge):
                needed.add(step.source)
                needed.add(step.target)
            elif isinstance(step, Vertex):
                changed.add(step.id)
            elif not isinstance(step, DropEdges):
                changed.update(step.ids)
    return Touched(frozenset(changed), frozenset(needed - changed))


class Single(NamedTuple):
    """A value of single cardinality, ten times as fast as gremlinpython's `CardinalityValue.single`."""

    value: store.Scalar


Instruction = tuple[Any, ...]
"""A step's name and its arguments, as in Gremlin bytecode."""


def _query(*instructions: Instruction) -> Bytecode:
    """Returns a traversal of instructions.

    Building it step by step with `__` takes four times as long, and a busy consumer creates a hundred thousand steps a
    second.
    """
    query = Bytecode()
    query.step_instructions = [list(instruction) for instruction in instructions]
    return query


def write(changes: Sequence[Change]) -> Bytecode:
    """Returns a request that applies changes and returns each owner's token afterwards, as maps of `id` and `token`.

    Orphans are dropped last. One change may orphan a vertex that another one needs: it would be dropped and created
    again without its properties, and a transaction of TinkerGraph does not allow that.
    """
    applied: list[Instruction] = []
    for change in changes:
        applied += _create(change) if isinstance(change.when, NotExists) else _alter(change)
    for change in changes:
        applied += _drop_orphans(change)
    owners = dict.fromkeys(change.owner.id for change in changes)
    return _query(
        # `fold` yields one traverser whether or not the vertex exists.
        ("V", changes[0].owner.id),
        ("fold",),
        *applied,
        ("V", *owners),
        ("project", "id", "token"),
        ("by", T.id),
        ("by", changes[0].token.key),
    )


def _create(change: Change) -> list[Instruction]:
    owner = change.owner
    merge: list[Instruction] = [
        ("mergeV", {T.id: owner.id}),
        ("option", Merge.on_create, _vertex_map(owner.label, owner.properties)),
    ]
    # `onCreate` is the guard of the owner itself.
    if not change.steps:
        return merge
    # Another writer may have created the vertex with other facts; its token differs then.
    guard = ("has", change.token.key, change.token.value)
    return [("sideEffect", _query(*merge, guard, *_apply(change.steps)))]


def _alter(change: Change) -> list[Instruction]:
    if not isinstance(change.when, PropertyEquals):
        raise TypeError(f"no such condition: {change.when}")
    inner: list[Instruction] = [("V", change.owner.id), ("has", change.when.key, change.when.value)]
    # The steps lead elsewhere, so the traversal returns to the owner; its new token is set last of all.
    if change.steps:
        inner += [*_apply(change.steps), ("V", change.owner.id)]
    # `drop` passes nothing on, which would end the change before its properties are set.
    if change.removes:
        inner.append(("sideEffect", _query(("properties", *change.removes), ("drop",))))
    inner += [("property", Cardinality.single, key, value) for key, value in change.owner.properties.items()]
    return [("sideEffect", _query(*inner))]


def _drop_orphans(change: Change) -> list[Instruction]:
    """Returns instructions that drop orphans at the end of the request, if the change was applied."""
    return [
        (
            "sideEffect",
            _query(
                ("V", change.owner.id),
                ("has", change.token.key, change.token.value),
                ("V", *step.ids),
                ("not", _query(("has", step.unless_property, True))),
                ("not", _query(("bothE", step.unless_edges))),
                ("drop",),
            ),
        )
        for step in change.steps
        if isinstance(step, DropOrphans)
    ]


def _apply(steps: Sequence[Step]) -> Iterator[Instruction]:
    for step in steps:
        match step:
            case Vertex():
                yield from _put_vertex(step)
            case Edge():
                yield from _put_edge(step)
            # In side effects: `E` and `V` of ids that are gone yield nothing, which would end the change.
            case DropEdges():
                yield "sideEffect", _query(("E", *step.ids), ("drop",))
            case DropVertices():
                yield "sideEffect", _query(("V", *step.ids), ("drop",))
            case DropOrphans():
                pass  # applied at the end of the request, see `write`


def _vertex_map(label: str, properties: store.Properties) -> dict[Any, Any]:
    return {T.label: label, **_singles(properties)}


def _singles(properties: store.Properties) -> dict[str, Any]:
    return {key: Single(value) for key, value in properties.items()}


def _put_vertex(vertex: Vertex) -> Iterator[Instruction]:
    yield "mergeV", {T.id: vertex.id}
    yield "option", Merge.on_create, _vertex_map(vertex.label, vertex.properties)
    if vertex.properties:
        yield "option", Merge.on_match, _singles(vertex.properties)


def _put_edge(edge: Edge) -> Iterator[Instruction]:
    # Properties of edges have no cardinality, so their values stand alone.
    ends = {Direction.OUT: edge.source, Direction.IN: edge.target}
    yield "mergeE", {T.id: edge.id}
    yield "option", Merge.on_create, {T.label: edge.label, **ends, **edge.properties}
    if edge.properties:
        yield "option", Merge.on_match, dict(edge.properties)


def chunks(ids: Collection[str]) -> Iterator[list[str]]:
    """Yields ids in groups that fit into one read."""
    ids = list(ids)
    for start in range(0, len(ids), MAX_IDS):
        yield ids[start : start + MAX_IDS]


def read(ids: Sequence[str], keys: Sequence[str]) -> Bytecode:
    """Returns a request for vertices by id, each as a map of its id and its named properties, or all."""
    return _query(("V", *ids), ("elementMap", *keys))


def edges_at(ids: Sequence[str], label: str, direction: store.Direction) -> Bytecode:
    """Returns a request for the edges of a label that leave or enter vertices, each as a map."""
    return _query(("V", *ids), ("outE" if direction == "out" else "inE", label), ("elementMap",))


def hops(ids: Sequence[str], along: Along) -> Bytecode:
    """Returns a request for the edges at vertices that a walk follows, as maps of `id` and, if there, `detail`.

    The ends of an edge and its job follow from its id.
    """
    edges = ("outE" if along.direction == "out" else "inE", along.label)
    if not along.detail:
        return _query(("V", *ids), edges, ("project", "id"), ("by", T.id))
    return _query(("V", *ids), edges, ("project", "id", "detail"), ("by", T.id), ("by", along.detail))


def latest_at(ids: Sequence[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]) -> Bytecode:
    """Returns a request for the latest vertices, by a property, with edges to others: maps of `id` and `latest`."""
    key, value = until
    latest = _query(
        ("in", label),
        ("has", key, P.gt("")),
        ("has", key, P.lte(value)),
        ("order",),
        ("by", key, Order.desc),
        ("limit", count),
        ("elementMap", *keys),
        ("fold",),
    )
    return _query(("V", *ids), ("project", "id", "latest"), ("by", T.id), ("by", latest))


def vertices(label: str) -> Bytecode:
    """Returns a request for all vertices of a label, each as a map."""
    return _query(("V",), ("hasLabel", label), ("elementMap",))


def ids(label: str, after: str, count: int) -> Bytecode:
    """Returns a request for the first ids of vertices of a label after a given id, in order."""
    # No server promises an order of its own.
    later = ("has", T.id, P.gt(after))
    return _query(("V",), ("hasLabel", label), later, ("order",), ("by", T.id), ("limit", count), ("id",))


def edges(label: str) -> Bytecode:
    """Returns a request for all edges of a label, each as a map."""
    return _query(("E",), ("hasLabel", label), ("elementMap",))


def hop_of(edge: Mapping[str, str]) -> Hop[str]:
    """Returns the edge of a map of `hops`.

    Raises:
        ValueError: The id is not of this graph.
    """
    ends = edge_ends(edge["id"])
    if ends is None:
        raise ValueError(f"{edge['id']!r} is not an id of an edge of this graph")
    _, source, target, job = ends
    return source, target, job, edge.get("detail", "")


def properties_of(element: Mapping[Any, Any]) -> dict[str, store.Scalar]:
    """Returns the properties in an element map."""
    return {key: value for key, value in element.items() if isinstance(key, str)}


def edge_of(element: Mapping[Any, Any]) -> Edge:
    """Returns the edge of an element map."""
    source, target = element[Direction.OUT][T.id], element[Direction.IN][T.id]
    return Edge(element[T.id], element[T.label], source, target, properties_of(element))
