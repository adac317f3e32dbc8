"""The upstream and downstream lineage of a dataset or column.

The walk is breadth first and asks the store once per level, so that its cost goes with the depth and with what is
found, not with the size of the graph.

Of a dataset's columns `*` stands for the whole. What is made from `*` is made from every column, and what goes into `*`
(a filter, a join) goes into every column. So a walk goes through it: upstream of a column are the sources of its
dataset's `*`, upstream of a `*` that something is made from are the sources of all columns, and downstream the same the
other way about. These steps inside one dataset cost no depth; they are links without a job.

Where a table leads to another one without any column edge, column lineage is unknown; the answer goes on by table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol, runtime_checkable

from consumer.graph import ids, schema
from consumer.graph.store import Direction, Edge, GraphStore
from consumer.lineage.column_lineage import WHOLE
from consumer.query.resolve import DATASET, LineageNode, resolve
from consumer.query.traversal import table_fallback
from consumer.query.traversal.answer import (
    NO_TABLES,
    Lineage,
    Link,
    Node,
    Tables,
    Way,
    id_of,
    in_order,
    link_of,
    target_of,
    title,
)
from schemas.naming import DatasetName

__all__ = ["Lineage", "LineageNode", "Link", "Node", "Tables", "lineage", "link_of", "resolve", "target_of", "title"]


def lineage(
    store: GraphStore,
    target: LineageNode,
    upstream: int,
    downstream: int,
    *,
    columns: bool = False,
    direct: bool = False,
) -> Lineage:
    """Returns the lineage of a dataset or column.

    Args:
        store: The graph.
        target: What is asked about. A column is always answered by columns.
        upstream: How many steps to go against the flow of data; 0 for none.
        downstream: How many steps to go with it.
        columns: True to answer by columns.
        direct: True to follow only columns whose values are used, not those that decide which rows there are. Implies
            an answer by columns.

    Raises:
        TransientError: The store can't serve now.
    """
    if isinstance(store, Walkable):
        store = store.for_walks()
    by_column = target.kind == DATASET and (columns or direct or target.column is not None)
    root = LineageNode(target.dataset, target.column or WHOLE) if by_column else target
    label, widen = (schema.COLUMN_EDGE, _widen_columns) if by_column else (schema.EDGE, _widen_nothing)
    if direct and by_column:
        widen = _widen_root
    up = _walk(_Walk(store, label, "in", widen, direct=direct and by_column), root, upstream)
    down = _walk(_Walk(store, label, "out", widen, direct=direct and by_column), root, downstream)
    return Lineage(
        root,
        _nodes(up.depths, down.depths),
        in_order(up.links.values()),
        in_order(down.links.values()),
        frozenset(way for way, steps in _ways(upstream, downstream) if steps),
        _tables(store, up, down, (upstream, downstream)) if by_column else NO_TABLES,
    )


def _ways(upstream: int, downstream: int) -> tuple[tuple[Way, int], tuple[Way, int]]:
    return ("upstream", upstream), ("downstream", downstream)


def _nodes(up: Mapping[str, int], down: Mapping[str, int]) -> tuple[Node, ...]:
    # Either all targets have a column or none has, so they can be compared as they are.
    return tuple(sorted(Node(target_of(id_), up.get(id_), down.get(id_)) for id_ in {**up, **down}))


def _tables(store: GraphStore, up: _Walk, down: _Walk, steps: tuple[int, int]) -> Tables:
    above = table_fallback.beyond(store, _reached(up), "in", steps[0])
    below = table_fallback.beyond(store, _reached(down), "out", steps[1])
    return Tables(
        tuple(sorted(target_of(id_) for id_ in above.starts | below.starts)),
        _nodes(above.depths, below.depths),
        in_order(map(link_of, above.edges.values())),
        in_order(map(link_of, below.edges.values())),
    )


def _reached(walk: _Walk) -> table_fallback.Reached:
    depths: dict[str, int] = {}
    for id_, depth in walk.depths.items():
        dataset = ids.dataset(target_of(id_).dataset)
        depths[dataset] = min(depth, depths.get(dataset, depth))
    known: set[table_fallback.Pair] = set()
    for source, target, job, *_ in walk.links.values():
        if job is not None:
            known.add((ids.dataset(source.dataset), ids.dataset(target.dataset), ids.job(job)))
    return table_fallback.Reached(depths, known)


@runtime_checkable
class Walkable(Protocol):
    """A store that has another form for walks, in which a dataset may have more columns than it has, without edges."""

    def for_walks(self) -> GraphStore:
        """Returns that form."""


Asked = Mapping[str, Collection[str]]
"""Ids to ask for the edges of, each with the ids of the frontier that it is asked for."""

Widen = Callable[[GraphStore, Collection[str]], Asked]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk in one direction, and what it has found.

    Attributes:
        direct: True to follow only edges along which values flow.
        depths: How many steps each vertex lies from the root, by id: an id is quickly hashed, a target is not.
        links: By id of the edge, or by both ends where there is none.
    """

    store: GraphStore
    label: str
    direction: Direction
    widen: Widen
    direct: bool = False
    depths: dict[str, int] = field(default_factory=dict)
    links: dict[str | tuple[str, str], Link] = field(default_factory=dict)


def _walk(walk: _Walk, root: LineageNode, steps: int) -> _Walk:
    frontier = {id_of(root)}
    reached = set(frontier)
    walk.depths.update(dict.fromkeys(frontier, 0))
    for depth in range(steps):
        asked = walk.widen(walk.store, sorted(frontier))
        edges = walk.store.edges_at(list(asked), walk.label, walk.direction)
        if walk.direct:
            edges = [edge for edge in edges if is_direct(edge)]
        ends = dict.fromkeys(_near_end(edge, walk.direction) for edge in edges)
        for near in ends:
            _stand_in(walk, near, asked[near], depth)
        walk.links.update((edge.id, link_of(edge)) for edge in edges if edge.id not in walk.links)
        frontier = {_far_end(edge, walk.direction) for edge in edges} - reached
        reached |= frontier
        for id_ in frontier:
            walk.depths.setdefault(id_, depth + 1)
        if not frontier:
            break
    return walk


def _stand_in(walk: _Walk, near: str, wanted_for: Collection[str], depth: int) -> None:
    """Notes that something was walked through on behalf of others: `*` for its columns, or columns for their `*`."""
    walk.depths.setdefault(near, depth)
    for other in wanted_for:
        if other != near:
            source, target = (near, other) if walk.direction == "in" else (other, near)
            walk.links[source, target] = Link(target_of(source), target_of(target), None)


def is_direct(edge: Edge) -> bool:
    """True if values flow along a column edge."""
    kinds = str(edge.properties.get("transformations", "")).split(",")
    return any(kind.partition("/")[0] == "DIRECT" for kind in kinds)


def _widen_root(store: GraphStore, frontier: Collection[str]) -> Asked:
    """Columns alone, and `*` with its columns: only the root of an answer about values is a `*`."""
    wholes = [id_ for id_ in frontier if target_of(id_).column == WHOLE]
    return {**_widen_columns(store, wholes), **{id_: (id_,) for id_ in frontier if id_ not in wholes}}


def _widen_nothing(_: GraphStore, frontier: Collection[str]) -> Asked:
    return {id_: (id_,) for id_ in frontier}


def _widen_columns(store: GraphStore, frontier: Collection[str]) -> Asked:
    """Columns with the `*` that stands for them too, and `*` with the columns that it stands for."""
    asked: defaultdict[str, list[str]] = defaultdict(list)
    wholes: dict[str, str] = {}
    for id_ in frontier:
        dataset, column, _ = target_of(id_)
        whole = _whole(dataset)
        asked[id_].append(id_)
        if column == WHOLE:
            wholes[ids.dataset(dataset)] = whole
        else:
            asked[whole].append(id_)
    for edge in store.edges_at(list(wholes), schema.COLUMN_OF, "in") if wholes else ():
        asked[edge.source].append(wholes[edge.target])
    return asked


# Asked for each column of a dataset.
@lru_cache(maxsize=8192)
def _whole(dataset: DatasetName) -> str:
    return ids.column(dataset, WHOLE)


# One vertex is the end of many edges, and one job makes many.
def _near_end(edge: Edge, direction: Direction) -> str:
    return edge.target if direction == "in" else edge.source


def _far_end(edge: Edge, direction: Direction) -> str:
    return edge.source if direction == "in" else edge.target
