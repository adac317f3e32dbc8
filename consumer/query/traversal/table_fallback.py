"""The tables beyond the end of known column lineage.

A job's dataset edge from one table to another without any column edge between the two means that the columns' lineage
is unknown, not absent: SQL that was not understood, or a producer without column lineage. From there on
the walk goes by tables, within the steps that were asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from consumer.graph import ids, schema
from consumer.graph.store import Direction, Edge, GraphStore

Pair = tuple[str, str, str]
"""The ids of a source dataset, a target dataset, and the job between them."""


class Reached(NamedTuple):
    """The result of a traversal by columns in one direction.

    Attributes:
        depths: Steps from the root to each dataset with a reached column, by the dataset's id.
        known: The pairs of datasets between which the walk found column edges.
    """

    depths: Mapping[str, int]
    known: Collection[Pair]


@dataclass(frozen=True, slots=True)
class ByTable:
    """A walk by tables in one direction.

    Attributes:
        depths: Steps from the root to each dataset, by id.
        edges: The dataset edges that it followed, by id.
        starts: Ids of the datasets at which column lineage ends and the walk begins.
    """

    depths: dict[str, int] = field(default_factory=dict)
    edges: dict[str, Edge] = field(default_factory=dict)
    starts: set[str] = field(default_factory=set)


def beyond(store: GraphStore, reached: Reached, direction: Direction, steps: int) -> ByTable:
    """Follows dataset edges from where column lineage is unknown.

    The store is asked three times, and once more for each step by table.

    Args:
        store: The graph.
        reached: Where the walk by columns came to.
        direction: Of the walk.
        steps: The most steps from the root.

    Raises:
        TransientError: The store can't serve now.
    """
    walk = ByTable()
    near = [id_ for id_, depth in reached.depths.items() if depth < steps]
    waiting: defaultdict[int, set[str]] = defaultdict(set)
    for edge in _unknown(store, sorted(near), reached.known, direction):
        start, far = _ends(edge, direction)
        walk.starts.add(start)
        walk.edges[edge.id] = edge
        waiting[reached.depths[start] + 1].add(far)
    for depth in range(1, steps + 1):
        frontier = waiting.pop(depth, set()) - walk.depths.keys()
        walk.depths.update(dict.fromkeys(frontier, depth))
        if frontier and depth < steps:
            edges = store.edges_at(sorted(frontier), schema.EDGE, direction)
            walk.edges.update((edge.id, edge) for edge in edges)
            waiting[depth + 1].update(_ends(edge, direction)[1] for edge in edges)
    # A start may also be reached again, by a cycle; it lies where the walk by columns found it.
    walk.depths.update((start, reached.depths[start]) for start in walk.starts)
    return walk


def _unknown(store: GraphStore, near: Sequence[str], known: Collection[Pair], direction: Direction) -> list[Edge]:
    """Returns the dataset edges at datasets that no column edge accompanies."""
    edges = store.edges_at(near, schema.EDGE, direction) if near else []
    open_ = [edge for edge in edges if _pair(edge) not in known]
    if not open_:
        return []
    columns = store.edges_at(sorted({_ends(edge, direction)[0] for edge in open_}), schema.COLUMN_OF, "in")
    with_columns = pairs(store.edges_at(sorted({edge.source for edge in columns}), schema.COLUMN_EDGE, direction))
    return [edge for edge in open_ if _pair(edge) not in with_columns]


def pairs(column_edges: Iterable[Edge]) -> set[Pair]:
    """Returns the pairs of datasets, with the job, between which column edges lead."""
    return {(_dataset(edge.source), _dataset(edge.target), str(edge.properties["job"])) for edge in column_edges}


def _pair(edge: Edge) -> Pair:
    return edge.source, edge.target, str(edge.properties.get("job", ""))


def _dataset(column: str) -> str:
    return ids.make("dataset", *ids.parse(column)[1:3])


def _ends(edge: Edge, direction: Direction) -> tuple[str, str]:
    """Returns the near and the far end, seen from the root."""
    return (edge.target, edge.source) if direction == "in" else (edge.source, edge.target)
