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
from operator import attrgetter, itemgetter
from typing import Final, Protocol, runtime_checkable

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
    nodes = _Nodes(up.depths, down.depths)
    return Lineage(
        root,
        nodes.in_order(),
        nodes.links(up),
        nodes.links(down),
        frozenset(way for way, steps in _ways(upstream, downstream) if steps),
        _tables(store, up, down, (upstream, downstream)) if by_column else NO_TABLES,
    )


def _ways(upstream: int, downstream: int) -> tuple[tuple[Way, int], tuple[Way, int]]:
    return ("upstream", upstream), ("downstream", downstream)


class _Nodes:
    """The nodes of an answer.

    Args:
        up: How many steps each lies upstream of the root, by id.
        down: How many steps it lies downstream.
    """

    def __init__(self, up: Mapping[str, int], down: Mapping[str, int]) -> None:
        self._up = up
        self._down = down
        targets = {id_: target_of(id_) for id_ in {**up, **down}}
        # Either all targets have a column or none has, so they can be compared as they are.
        self._targets = dict(sorted(targets.items(), key=itemgetter(1)))

    def in_order(self) -> tuple[Node, ...]:
        """Returns the nodes, sorted."""
        up, down = self._up.get, self._down.get
        return tuple([Node(target, up(id_), down(id_)) for id_, target in self._targets.items()])

    def links(self, walk: _Walk) -> tuple[Link, ...]:
        """Returns the links that a walk has found, sorted."""
        jobs = {str(edge.properties.get("job", "")) for edge in walk.edges} - {""}
        # One integer is compared sooner than the names of both ends and of the job; those without a job come first.
        of_job = {job: place for place, job in enumerate(sorted(jobs, key=ids.job_name), 1)}
        of_target = {id_: place * (len(jobs) + 1) for place, id_ in enumerate(self._targets)}
        of_source = {id_: place * len(of_target) for id_, place in of_target.items()}
        targets = self._targets
        found = [
            (of_source[source] + of_target[target], Link(targets[source], targets[target], None))
            for source, target in walk.inner
        ]
        for edge in walk.edges:
            place = of_source[edge.source] + of_target[edge.target]
            found.append((place + of_job.get(str(edge.properties.get("job", "")), 0), link_of(edge)))
        found.sort(key=itemgetter(0))
        return tuple([link for _, link in found])


def _tables(store: GraphStore, up: _Walk, down: _Walk, steps: tuple[int, int]) -> Tables:
    above = table_fallback.beyond(store, _reached(up), "in", steps[0])
    below = table_fallback.beyond(store, _reached(down), "out", steps[1])
    return Tables(
        tuple(sorted(target_of(id_) for id_ in above.starts | below.starts)),
        _Nodes(above.depths, below.depths).in_order(),
        in_order(map(link_of, above.edges.values())),
        in_order(map(link_of, below.edges.values())),
    )


def _reached(walk: _Walk) -> table_fallback.Reached:
    datasets = {id_: ids.dataset_of_column(id_) for id_ in walk.depths}
    depths: dict[str, int] = {}
    for id_, depth in walk.depths.items():
        dataset = datasets[id_]
        depths[dataset] = min(depth, depths.get(dataset, depth))
    known = {(datasets[edge.source], datasets[edge.target], str(edge.properties["job"])) for edge in walk.edges}
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
        edges: The edges, each once.
        inner: The ends of steps within a dataset, which have no edge.
    """

    store: GraphStore
    label: str
    direction: Direction
    widen: Widen
    direct: bool = False
    depths: dict[str, int] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    inner: set[tuple[str, str]] = field(default_factory=set)


def _walk(walk: _Walk, root: LineageNode, steps: int) -> _Walk:
    frontier = {id_of(root)}
    reached = set(frontier)
    walk.depths.update(dict.fromkeys(frontier, 0))
    read: set[str] = set()
    ends: set[str] = set()
    near, far = (_TARGET, _SOURCE) if walk.direction == "in" else (_SOURCE, _TARGET)
    for depth in range(steps):
        asked = walk.widen(walk.store, frontier)
        # The `*` of a dataset is asked for again with each step to one of its columns.
        edges = walk.store.edges_at([id_ for id_ in asked if id_ not in read], walk.label, walk.direction)
        read.update(asked)
        if walk.direct:
            edges = [edge for edge in edges if is_direct(edge)]
        walk.edges.extend(edges)
        ends.update(map(near, edges))
        for id_ in asked.keys() & ends:
            _stand_in(walk, id_, asked[id_], depth)
        frontier = set(map(far, edges)) - reached
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
            walk.inner.add((near, other) if walk.direction == "in" else (other, near))


def is_direct(edge: Edge) -> bool:
    """True if values flow along a column edge."""
    kinds = str(edge.properties.get("transformations", "")).split(",")
    return any(kind.partition("/")[0] == "DIRECT" for kind in kinds)


def _widen_root(store: GraphStore, frontier: Collection[str]) -> Asked:
    """Columns alone, and `*` with its columns: only the root of an answer about values is a `*`."""
    wholes = {id_ for id_ in frontier if id_ == ids.column_of_same_dataset(id_, WHOLE)}
    return {**_widen_columns(store, wholes), **{id_: (id_,) for id_ in frontier if id_ not in wholes}}


def _widen_nothing(_: GraphStore, frontier: Collection[str]) -> Asked:
    return {id_: (id_,) for id_ in frontier}


def _widen_columns(store: GraphStore, frontier: Collection[str]) -> Asked:
    """Columns with the `*` that stands for them too, and `*` with the columns that it stands for."""
    asked: defaultdict[str, list[str]] = defaultdict(list)
    wholes: dict[str, str] = {}
    for id_ in frontier:
        whole = ids.column_of_same_dataset(id_, WHOLE)
        asked[id_].append(id_)
        if id_ == whole:
            wholes[ids.dataset_of_column(id_)] = whole
        else:
            asked[whole].append(id_)
    for edge in store.edges_at(list(wholes), schema.COLUMN_OF, "in") if wholes else ():
        asked[edge.source].append(wholes[edge.target])
    return asked


_SOURCE: Final = attrgetter("source")
_TARGET: Final = attrgetter("target")
