"""What a dataset or column is made from, and what is made from it.

The walk is breadth first and asks the store once per level, so that its cost goes with the depth and with what is
found, not with the size of the graph.

Of a dataset's columns `*` stands for the whole. What is made from `*` is made from every column, and what goes into `*`
(a filter, a join) goes into every column. So a walk goes through it: upstream of a column are the sources of its
dataset's `*`, upstream of a `*` that something is made from are the sources of all columns, and downstream the same the
other way about. These steps inside one dataset cost no depth; they are links without a job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, NamedTuple

from consumer.graph import ids, model
from consumer.graph.store import Direction, Edge, GraphStore
from consumer.graph.targets import Target, resolve
from consumer.lineage.columns import WHOLE
from consumer.lineage.keys import JobName
from schemas.naming import DatasetName, last_part

__all__ = ["Lineage", "Link", "Node", "Target", "lineage", "link_of", "resolve", "target_of", "title"]


class Node(NamedTuple):
    """A dataset or column of an answer.

    Attributes:
        target: Which it is.
        upstream: How many steps it lies upstream of what was asked about; None where it does not.
        downstream: How many steps it lies downstream; in a cycle a node may be both.
    """

    target: Target
    upstream: int | None
    downstream: int | None

    @property
    def direction(self) -> Literal["root", "upstream", "downstream", "both"]:
        """Where it lies, seen from the root."""
        if self.depth == 0:
            return "root"
        if self.upstream is not None and self.downstream is not None:
            return "both"
        return "upstream" if self.upstream is not None else "downstream"

    @property
    def depth(self) -> int:
        """The least number of steps from the root."""
        return min(depth for depth in (self.upstream, self.downstream) if depth is not None)


class Link(NamedTuple):
    """From a dataset or column to one that a job makes from it.

    Attributes:
        source: What it is made from.
        target: What is made.
        job: The job; None where `source` and `target` are a dataset's column and the `*` that stands for it too.
        tool: What made it, such as `DBT/Athena`; empty for columns.
        transformations: For columns, `DIRECT/IDENTITY` and the like, joined by commas.
    """

    source: Target
    target: Target
    job: JobName | None
    tool: str = ""
    transformations: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a dataset or column is made from, and what is made from it.

    Attributes:
        root: What was asked about; the column `*` where a dataset was asked about by column.
        nodes: The root and all that was reached, sorted.
        upstream: The links that the walk upstream found, sorted.
        downstream: Those of the walk downstream.
    """

    root: Target
    nodes: tuple[Node, ...]
    upstream: tuple[Link, ...]
    downstream: tuple[Link, ...]

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, sorted, each once."""
        return tuple(sorted({*self.upstream, *self.downstream}, key=_order))


def lineage(store: GraphStore, target: Target, upstream: int, downstream: int, *, columns: bool = False) -> Lineage:
    """The lineage of a dataset or column.

    Args:
        store: The graph.
        target: What is asked about. A column is always answered by columns.
        upstream: How many steps to go against the flow of data; 0 for none.
        downstream: How many steps to go with it.
        columns: Whether to answer by columns.

    Raises:
        TransientError: The store can't serve now.
    """
    by_column = columns or target.column is not None
    root = Target(target.dataset, target.column or WHOLE) if by_column else target
    label, widen = (model.COLUMN_EDGE, _widen_columns) if by_column else (model.EDGE, _widen_nothing)
    up = _walk(_Walk(store, label, "in", widen), root, upstream)
    down = _walk(_Walk(store, label, "out", widen), root, downstream)
    found = {**up.depths, **down.depths}
    return Lineage(
        root,
        # Of one answer either all targets have a column or none has, so they can be compared as they are.
        tuple(sorted(Node(target_of(id_), up.depths.get(id_), down.depths.get(id_)) for id_ in found)),
        tuple(sorted(up.links.values(), key=_order)),
        tuple(sorted(down.links.values(), key=_order)),
    )


def _order(link: Link) -> tuple[object, ...]:
    source, target, job, tool, transformations = link
    return source, target, job or (), tool, transformations


Asked = Mapping[str, Collection[str]]
"""Ids to ask for the edges of, each with the ids of the frontier that it is asked for."""

Widen = Callable[[GraphStore, Collection[str]], Asked]


@dataclass(frozen=True, slots=True)
class _Walk:
    """A walk in one direction, and what it has found.

    Attributes:
        depths: How many steps each vertex lies from the root, by id: an id is quickly hashed, a target is not.
        links: By id of the edge, or by both ends where there is none.
    """

    store: GraphStore
    label: str
    direction: Direction
    widen: Widen
    depths: dict[str, int] = field(default_factory=dict)
    links: dict[str | tuple[str, str], Link] = field(default_factory=dict)


def _walk(walk: _Walk, root: Target, steps: int) -> _Walk:
    frontier = {_id(root)}
    reached = set(frontier)
    walk.depths.update(dict.fromkeys(frontier, 0))
    for depth in range(steps):
        asked = walk.widen(walk.store, sorted(frontier))
        edges = walk.store.edges_at(list(asked), walk.label, walk.direction)
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


def _widen_nothing(_: GraphStore, frontier: Collection[str]) -> Asked:
    return {id_: (id_,) for id_ in frontier}


def _widen_columns(store: GraphStore, frontier: Collection[str]) -> Asked:
    """Columns with the `*` that stands for them too, and `*` with the columns that it stands for."""
    asked: defaultdict[str, list[str]] = defaultdict(list)
    wholes: dict[str, str] = {}
    for id_ in frontier:
        dataset, column = target_of(id_)
        whole = _whole(dataset)
        asked[id_].append(id_)
        if column == WHOLE:
            wholes[ids.dataset(dataset)] = whole
        else:
            asked[whole].append(id_)
    for edge in store.edges_at(list(wholes), model.COLUMN_OF, "in") if wholes else ():
        asked[edge.source].append(wholes[edge.target])
    return asked


# Asked for each column of a dataset.
@lru_cache(maxsize=8192)
def _whole(dataset: DatasetName) -> str:
    return ids.column(dataset, WHOLE)


def _id(target: Target) -> str:
    return ids.dataset(target.dataset) if target.column is None else ids.column(target.dataset, target.column)


# One vertex is the end of many edges, and one job makes many.
@lru_cache(maxsize=32768)
def target_of(id_: str) -> Target:
    """The dataset or column of a vertex's id."""
    _, namespace, name, *column = ids.parse(id_)
    return Target(DatasetName(namespace, name), column[0] if column else None)


@lru_cache(maxsize=8192)
def _job(id_: str) -> JobName:
    return JobName(*ids.parse(id_)[1:])


def _near_end(edge: Edge, direction: Direction) -> str:
    return edge.target if direction == "in" else edge.source


def _far_end(edge: Edge, direction: Direction) -> str:
    return edge.source if direction == "in" else edge.target


def link_of(edge: Edge) -> Link:
    """A dataset or column edge of the store as a link."""
    properties = edge.properties
    return Link(
        target_of(edge.source),
        target_of(edge.target),
        _job(str(properties["job"])),
        str(properties.get("edge_name", "")),
        str(properties.get("transformations", "")),
    )


def title(target: Target) -> str:
    """What people call it: `titles`, or `titles.title_type`."""
    called = last_part(target.dataset)
    return called if target.column is None else f"{called}.{target.column}"
