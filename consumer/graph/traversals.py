"""Changes and reads as Gremlin traversals: pure, and in the form that Neptune runs natively.

What is written starts with a merge or with `V()`; merges match on the id alone and take constant maps; vertex properties
have single cardinality (pages "Making efficient upserts with Gremlin mergeV() and mergeE() steps" and "Gremlin step
support" of Neptune's user guide). A request is one transaction there, and safe to send twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.graph_traversal import GraphTraversal, __
from gremlin_python.process.traversal import Cardinality, CardinalityValue, Direction, Merge, T

from consumer.graph import store
from consumer.graph.store import Absent, Change, DropEdges, DropLonely, DropVertices, Edge, Step, Vertex

MOST_RECORDS = 200
"""Vertices and edges in one request (Neptune's advice for batches of upserts)."""

MOST_STEPS = 1_200
"""Gremlin steps in one request; Neptune refuses more than 1,500."""

MOST_CHARS = 1_000_000
"""Characters of property values in one request, but for a single change that has more."""

MOST_IDS = 1_000
"""Ids in one read."""

_g = traversal().with_remote(None)
"""Where traversals are made; they are sent by their bytecode."""


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
    return 6 + len(change.owner.properties) + sum(6 if isinstance(step, DropLonely) else 3 for step in change.steps)


def _chars(change: Change) -> int:
    values = list(change.owner.properties.values())
    for step in change.steps:
        values += step.properties.values() if isinstance(step, Vertex | Edge) else step.ids
    return sum(len(value) for value in values if isinstance(value, str))


def write(changes: Sequence[Change]) -> GraphTraversal:
    """One request that does changes and tells the token of each owner afterwards, as maps of `id` and `token`."""
    query = _g.V(changes[0].owner.id).fold()
    for change in changes:
        query = _create(query, change) if isinstance(change.when, Absent) else _alter(query, change)
    owners = list(dict.fromkeys(change.owner.id for change in changes))
    return query.V(*owners).project("id", "token").by(T.id).by(changes[0].token.key)


def _create(query: GraphTraversal, change: Change) -> GraphTraversal:
    on_create = _vertex_map(change.owner.label, change.owner.properties)
    if not change.steps:
        return query.merge_v({T.id: change.owner.id}).option(Merge.on_create, on_create)
    made = __.merge_v({T.id: change.owner.id}).option(Merge.on_create, on_create)
    # Nothing hangs on a vertex that somebody else made with other facts.
    made = made.has(change.token.key, change.token.value)
    return query.side_effect(_do(made, change.steps))


def _alter(query: GraphTraversal, change: Change) -> GraphTraversal:
    if not isinstance(change.when, store.Is):
        raise TypeError(f"no such condition: {change.when}")
    inner = __.V(change.owner.id).has(change.when.key, change.when.value)
    if change.steps:
        inner = _do(inner, change.steps).V(change.owner.id)
    if change.removes:
        inner = inner.side_effect(__.properties(*change.removes).drop())
    for key, value in change.owner.properties.items():
        inner = inner.property(Cardinality.single, key, value)
    return query.side_effect(inner)


def _do(query: GraphTraversal, steps: Sequence[Step]) -> GraphTraversal:
    for step in steps:
        match step:
            case Vertex():
                query = _put_vertex(query, step)
            case Edge():
                query = _put_edge(query, step)
            case DropEdges():
                query = query.side_effect(__.E(*step.ids).drop())
            case DropVertices():
                query = query.side_effect(__.V(*step.ids).drop())
            case DropLonely():
                lonely = __.V(*step.ids).not_(__.has(step.unless_property, True)).not_(__.both_e(step.unless_edges))
                query = query.side_effect(lonely.drop())
    return query


def _vertex_map(label: str, properties: store.Properties) -> dict[Any, Any]:
    return {T.label: label, **_singles(properties)}


def _singles(properties: store.Properties) -> dict[str, Any]:
    return {key: CardinalityValue.single(value) for key, value in properties.items()}


def _put_vertex(query: GraphTraversal, vertex: Vertex) -> GraphTraversal:
    merged = query.merge_v({T.id: vertex.id}).option(Merge.on_create, _vertex_map(vertex.label, vertex.properties))
    return merged.option(Merge.on_match, _singles(vertex.properties)) if vertex.properties else merged


def _put_edge(query: GraphTraversal, edge: Edge) -> GraphTraversal:
    ends = {Direction.OUT: edge.source, Direction.IN: edge.target}
    on_create = {T.label: edge.label, **ends, **edge.properties}
    merged = query.merge_e({T.id: edge.id}).option(Merge.on_create, on_create)
    return merged.option(Merge.on_match, dict(edge.properties)) if edge.properties else merged


def chunks(ids: Collection[str]) -> Iterator[list[str]]:
    """Ids in groups that fit into one read."""
    wanted = list(ids)
    for start in range(0, len(wanted), MOST_IDS):
        yield wanted[start : start + MOST_IDS]


def read(ids: Sequence[str], keys: Sequence[str]) -> GraphTraversal:
    """Vertices by id, each as a map of its id and of the named properties, or of all."""
    return _g.V(*ids).element_map(*keys)


def edges_at(ids: Sequence[str], label: str, direction: store.Direction) -> GraphTraversal:
    """The edges of a label that leave or enter vertices, each as a map."""
    start = _g.V(*ids)
    return (start.out_e(label) if direction == "out" else start.in_e(label)).element_map()


def vertices(label: str) -> GraphTraversal:
    """All vertices of a label, each as a map."""
    return _g.V().has_label(label).element_map()


def edges(label: str) -> GraphTraversal:
    """All edges of a label, each as a map."""
    return _g.E().has_label(label).element_map()


def ping() -> GraphTraversal:
    """The cheapest question to a graph: whether it has a vertex that it can't have."""
    return _g.V("headwater:ping").limit(1).id_()


def properties_of(found: Mapping[Any, Any]) -> dict[str, store.Scalar]:
    """The properties in an element map."""
    return {key: value for key, value in found.items() if isinstance(key, str)}


def edge_of(found: Mapping[Any, Any]) -> Edge:
    """The edge in an element map."""
    source, target = found[Direction.OUT][T.id], found[Direction.IN][T.id]
    return Edge(found[T.id], found[T.label], source, target, properties_of(found))
