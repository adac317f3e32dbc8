"""Changes and reads as Gremlin traversals: pure, and in the form that Neptune runs natively.

What is written starts with a merge or with `V()`; merges match on the id alone and take constant maps; properties of
vertices have single cardinality (pages "Making efficient upserts with Gremlin mergeV() and mergeE() steps" and
"Gremlin step support" of Neptune's user guide). A request is one transaction there, and safe to send twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gremlin_python.process.traversal import Bytecode, Cardinality, Direction, Merge, P, T

from consumer.graph import store
from consumer.graph.store import Absent, Change, DropEdges, DropLonely, DropVertices, Edge, Is, Step, Vertex

MOST_RECORDS = 200
"""Vertices and edges in one request (Neptune's advice for batches of upserts)."""

MOST_STEPS = 1_200
"""Gremlin steps in one request; Neptune refuses more than 1,500."""

MOST_CHARS = 1_000_000
"""Characters of property values in one request, but for a single change that has more."""

MOST_IDS = 1_000
"""Ids in one read."""


def requests(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Changes in groups that fit into one request, in their order; each group has one token key."""
    group: list[Change] = []
    records = steps = chars = 0
    for change in changes:
        more = (1 + len(change.steps), _steps(change), _chars(change))
        full = records + more[0] > MOST_RECORDS or steps + more[1] > MOST_STEPS or chars + more[2] > MOST_CHARS
        if group and (full or change.token.key != group[0].token.key):
            yield group
            group, records, steps, chars = [], 0, 0, 0
        group.append(change)
        records, steps, chars = records + more[0], steps + more[1], chars + more[2]
    if group:
        yield group


def _steps(change: Change) -> int:
    """How many Gremlin steps a change takes, at most."""
    return 6 + len(change.owner.properties) + sum(9 if isinstance(step, DropLonely) else 3 for step in change.steps)


def _chars(change: Change) -> int:
    values = list(change.owner.properties.values())
    for step in change.steps:
        values += step.properties.values() if isinstance(step, Vertex | Edge) else step.ids
    return sum(len(value) for value in values if isinstance(value, str))


class Single(NamedTuple):
    """A value of single cardinality: what `CardinalityValue.single` says, at a tenth of its time."""

    value: store.Scalar


Instruction = tuple[Any, ...]
"""A step's name and its arguments, in the words of Gremlin's bytecode."""


def _query(*instructions: Instruction) -> Bytecode:
    """A traversal of steps.

    Writes are put together so rather than step by step with `__`, which takes four times as long; a consumer that
    writes all the time makes a hundred thousand of them in a second.
    """
    query = Bytecode()
    query.step_instructions = [list(instruction) for instruction in instructions]
    return query


def write(changes: Sequence[Change]) -> Bytecode:
    """One request that does changes and tells the token of each owner afterwards, as maps of `id` and `token`.

    Lonely vertices go last. One change may leave a vertex that another one needs; it would go and be made again,
    without what it had, and a transaction of TinkerGraph does not allow that.
    """
    done = [_create(change) if isinstance(change.when, Absent) else _alter(change) for change in changes]
    done += [_drop_lonely(change) for change in changes]
    owners = dict.fromkeys(change.owner.id for change in changes)
    return _query(
        # A fold gives one traverser whether or not there is such a vertex.
        ("V", changes[0].owner.id),
        ("fold",),
        *(instruction for instructions in done for instruction in instructions),
        ("V", *owners),
        ("project", "id", "token"),
        ("by", T.id),
        ("by", changes[0].token.key),
    )


def _create(change: Change) -> list[Instruction]:
    owner = change.owner
    made: list[Instruction] = [
        ("mergeV", {T.id: owner.id}),
        ("option", Merge.on_create, _vertex_map(owner.label, owner.properties)),
    ]
    if not change.steps:
        return made
    # Nothing hangs on a vertex that somebody else made with other facts.
    guard = ("has", change.token.key, change.token.value)
    return [("sideEffect", _query(*made, guard, *_do(change.steps)))]


def _alter(change: Change) -> list[Instruction]:
    if not isinstance(change.when, Is):
        raise TypeError(f"no such condition: {change.when}")
    inner: list[Instruction] = [("V", change.owner.id), ("has", change.when.key, change.when.value)]
    if change.steps:
        inner += [*_do(change.steps), ("V", change.owner.id)]
    if change.removes:
        inner.append(("sideEffect", _query(("properties", *change.removes), ("drop",))))
    inner += [("property", Cardinality.single, key, value) for key, value in change.owner.properties.items()]
    return [("sideEffect", _query(*inner))]


def _drop_lonely(change: Change) -> list[Instruction]:
    """Drops what is lonely by the end, if the change was done."""
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
        if isinstance(step, DropLonely)
    ]


def _do(steps: Sequence[Step]) -> Iterator[Instruction]:
    for step in steps:
        match step:
            case Vertex():
                yield from _put_vertex(step)
            case Edge():
                yield from _put_edge(step)
            case DropEdges():
                yield "sideEffect", _query(("E", *step.ids), ("drop",))
            case DropVertices():
                yield "sideEffect", _query(("V", *step.ids), ("drop",))
            case DropLonely():
                pass  # at the end, see `write`


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
    ends = {Direction.OUT: edge.source, Direction.IN: edge.target}
    yield "mergeE", {T.id: edge.id}
    yield "option", Merge.on_create, {T.label: edge.label, **ends, **edge.properties}
    if edge.properties:
        yield "option", Merge.on_match, dict(edge.properties)


def chunks(ids: Collection[str]) -> Iterator[list[str]]:
    """Ids in groups that fit into one read."""
    wanted = list(ids)
    for start in range(0, len(wanted), MOST_IDS):
        yield wanted[start : start + MOST_IDS]


def read(ids: Sequence[str], keys: Sequence[str]) -> Bytecode:
    """Vertices by id, each as a map of its id and of the named properties, or of all."""
    return _query(("V", *ids), ("elementMap", *keys))


def edges_at(ids: Sequence[str], label: str, direction: store.Direction) -> Bytecode:
    """The edges of a label that leave or enter vertices, each as a map."""
    return _query(("V", *ids), ("outE" if direction == "out" else "inE", label), ("elementMap",))


def vertices(label: str) -> Bytecode:
    """All vertices of a label, each as a map."""
    return _query(("V",), ("hasLabel", label), ("elementMap",))


def ids(label: str, after: str, count: int) -> Bytecode:
    """The first ids of vertices of a label after a given one, in their order."""
    later = ("has", T.id, P.gt(after))
    return _query(("V",), ("hasLabel", label), later, ("order",), ("by", T.id), ("limit", count), ("id",))


def edges(label: str) -> Bytecode:
    """All edges of a label, each as a map."""
    return _query(("E",), ("hasLabel", label), ("elementMap",))


def ping() -> Bytecode:
    """The cheapest question to a graph: whether it has a vertex that it can't have."""
    return _query(("V", "headwater:ping"), ("limit", 1), ("id",))


def properties_of(found: Mapping[Any, Any]) -> dict[str, store.Scalar]:
    """The properties in an element map."""
    return {key: value for key, value in found.items() if isinstance(key, str)}


def edge_of(found: Mapping[Any, Any]) -> Edge:
    """The edge in an element map."""
    source, target = found[Direction.OUT][T.id], found[Direction.IN][T.id]
    return Edge(found[T.id], found[T.label], source, target, properties_of(found))
