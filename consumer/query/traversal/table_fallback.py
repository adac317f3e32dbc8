"""The tables beyond the end of known column lineage.

A job's dataset edge from one table to another without any column edge between the two means that the columns' lineage
is unknown, not absent: SQL that was not understood, or a producer without column lineage. From there on
the walk goes by tables, within the steps that were asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple

from consumer.graph import schema
from consumer.graph.walks.keyed_graph import Along, Hop, K, KeyedGraph, ends_of
from consumer.query.traversal.walk import COLUMNS, Walk, datasets_of

Pair = tuple[K, K, Hashable]
"""A source dataset, a target dataset, and the job between them."""


class Reached(NamedTuple, Generic[K]):
    """The result of a traversal by columns in one direction.

    Attributes:
        depths: Steps from the root to each dataset with a reached column.
        known: The pairs of datasets between which the walk found column edges.
    """

    depths: Mapping[K, int]
    known: Collection[Pair[K]]


@dataclass(frozen=True, slots=True)
class ByTable(Generic[K]):
    """A walk by tables in one direction.

    Attributes:
        along: The edges that it followed.
        depths: Steps from the root to each dataset.
        hops: These edges.
        starts: The datasets at which column lineage ends and the walk begins.
    """

    along: Along
    depths: dict[K, int] = field(default_factory=dict)
    hops: set[Hop[K]] = field(default_factory=set)
    starts: set[K] = field(default_factory=set)


def beyond(graph: KeyedGraph[K], columns: Walk[K], dataset_of: Mapping[K, K], steps: int) -> ByTable[K]:
    """Follows dataset edges from where column lineage is unknown.

    The store is asked for edges three times, and once more for each step by table.

    Args:
        graph: The graph.
        columns: The walk by columns.
        dataset_of: The dataset of each column that it came to.
        steps: The most steps from the root.

    Raises:
        TransientError: The store can't serve now.
    """
    along = Along(schema.EDGE, columns.along.direction, "edge_name")
    near, far = ends_of(along)
    walk: ByTable[K] = ByTable(along)
    reached = _reached(columns, dataset_of)
    waiting: defaultdict[int, set[K]] = defaultdict(set)
    for hop in _unknown(graph, reached, along, steps):
        start = near(hop)
        walk.starts.add(start)
        walk.hops.add(hop)
        waiting[reached.depths[start] + 1].add(far(hop))
    for depth in range(1, steps + 1):
        frontier = waiting.pop(depth, set()) - walk.depths.keys()
        walk.depths.update(dict.fromkeys(frontier, depth))
        if frontier and depth < steps:
            hops = graph.hops(frontier, along)
            walk.hops.update(hops)
            waiting[depth + 1].update(map(far, hops))
    # A start may also be reached again, by a cycle; it lies where the walk by columns found it.
    walk.depths.update((start, reached.depths[start]) for start in walk.starts)
    return walk


def _reached(columns: Walk[K], dataset_of: Mapping[K, K]) -> Reached[K]:
    depths: dict[K, int] = {}
    # The nearest column comes first.
    for column, depth in columns.depths.items():
        depths.setdefault(dataset_of[column], depth)
    return Reached(depths, _pairs(columns.hops, dataset_of))


def _pairs(hops: Collection[Hop[K]], dataset_of: Mapping[K, K]) -> set[Pair[K]]:
    """Returns the pairs of datasets, with the job, between which column edges lead."""
    return {(dataset_of[source], dataset_of[target], job) for source, target, job, _ in hops}


def _unknown(graph: KeyedGraph[K], reached: Reached[K], along: Along, steps: int) -> list[Hop[K]]:
    """Returns the dataset edges at datasets, nearer than all steps, that no column edge accompanies."""
    near = [dataset for dataset, depth in reached.depths.items() if depth < steps]
    open_ = [hop for hop in graph.hops(near, along) if hop[:3] not in reached.known]
    if not open_:
        return []
    columns = {column for column, *_ in graph.hops(set(map(ends_of(along)[0], open_)), COLUMNS)}
    edges = graph.hops(columns, Along(schema.COLUMN_EDGE, along.direction))
    ends = {end for hop in edges for end in hop[:2]}
    with_columns = _pairs(edges, datasets_of(graph, graph.ids(ends)))
    return [hop for hop in open_ if hop[:3] not in with_columns]
