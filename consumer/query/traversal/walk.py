"""A walk along lineage in one direction, breadth first.

The walk asks the store once per level, so that its cost goes with the depth and with what is found, not with the size
of the graph.

Of a dataset's columns `*` stands for the whole. What is made from `*` is made from every column, and what goes into `*`
(a filter, a join) goes into every column. So a walk goes through it: upstream of a column are the sources of its
dataset's `*`, upstream of a `*` that something is made from are the sources of all columns, and downstream the same the
other way about. These steps inside one dataset cost no depth; they are links without a job.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Generic

from consumer.graph import ids, schema
from consumer.graph.walks.keyed_graph import MAKING, Along, Hop, IdsByStem, K, KeyedGraph, ends_of

COLUMNS: Final = Along(schema.COLUMN_OF, "in")
"""From datasets to their columns."""

StandIns = Mapping[K, Collection[K]]
"""Vertices that are walked through on behalf of others of the same dataset: `*` for columns, or columns for `*`."""

Widen = Callable[[KeyedGraph[Any], AbstractSet[Any]], StandIns[Any]]
"""Returns the stand-ins of a frontier."""

Follows = Callable[[str], bool]
"""True of the detail of an edge that is followed."""


@dataclass(frozen=True, slots=True)
class Walk(Generic[K]):
    """The vertices and edges that a walk has found.

    Attributes:
        along: The edges that it followed.
        depths: How many steps each vertex lies from the root, nearest first.
        hops: The edges, each once.
        inner: The ends of steps within a dataset, which have no edge.
    """

    along: Along
    depths: dict[K, int]
    hops: list[Hop[K]]
    inner: set[tuple[K, K]]


def walk(
    graph: KeyedGraph[K], root: K, along: Along, steps: int, widen: Widen, follows: Follows | None = None
) -> Walk[K]:
    """Walks from a vertex.

    Args:
        graph: The graph.
        root: The vertex.
        along: The edges to follow.
        steps: The most steps.
        widen: Finds stand-ins.
        follows: Chooses the edges; None to follow all.

    Raises:
        TransientError: The store can't serve now.
    """
    found: Walk[K] = Walk(along, {root: 0}, [], set())
    near, far = ends_of(along)
    frontier, reached = {root}, {root}
    read: set[K] = set()
    ends: set[K] = set()
    for depth in range(steps):
        stand_ins = widen(graph, frontier)
        asked = frontier | stand_ins.keys()
        # The `*` of a dataset is asked for again with each step to one of its columns.
        hops = graph.hops(asked - read, along)
        read |= asked
        if follows is not None:
            hops = _followed(graph, hops, along, follows)
        found.hops.extend(hops)
        ends.update(map(near, hops))
        for key in stand_ins.keys() & ends:
            found.depths.setdefault(key, depth)
            found.inner.update(_inner(key, stand_ins[key], along))
        frontier = set(map(far, hops)) - reached
        reached |= frontier
        for key in frontier:
            found.depths.setdefault(key, depth + 1)
        if not frontier:
            break
    return found


def _inner(key: K, others: Collection[K], along: Along) -> list[tuple[K, K]]:
    """Returns the steps between a stand-in and those that it stands for, from source to target."""
    if along.direction == "in":
        return [(key, other) for other in others if other != key]
    return [(other, key) for other in others if other != key]


def _followed(graph: KeyedGraph[K], hops: list[Hop[K]], along: Along, follows: Follows) -> list[Hop[K]]:
    made = graph.made(set(map(MAKING, hops)), along)
    kept = {making for making, says in made.items() if follows(says.detail)}
    return [hop for hop in hops if MAKING(hop) in kept]


def widen_nothing(_: KeyedGraph[K], __: AbstractSet[K]) -> StandIns[K]:
    """Returns no stand-ins: tables have none."""
    return {}


def widen_columns(graph: KeyedGraph[K], frontier: AbstractSet[K]) -> StandIns[K]:
    """Returns the `*` that stands for columns too, and the columns that `*` stands for."""
    found: defaultdict[K, list[K]] = defaultdict(list)
    wholes: list[K] = []
    for key, whole in graph.wholes(frontier).items():
        if key == whole:
            wholes.append(whole)
        else:
            found[whole].append(key)
    for column, whole in _columns(graph, wholes):
        found[column].append(whole)
    return found


def widen_root(graph: KeyedGraph[K], frontier: AbstractSet[K]) -> StandIns[K]:
    """Returns the columns that `*` stands for: only the root of an answer about values is a `*`."""
    wholes = {key for key, whole in graph.wholes(frontier).items() if key == whole}
    columns = frontier - wholes
    return {column: (whole,) for column, whole in _columns(graph, wholes) if column not in columns}


def _columns(graph: KeyedGraph[K], wholes: Collection[K]) -> list[tuple[K, K]]:
    """Returns the columns of the datasets of `*`s, each with the `*`."""
    if not wholes:
        return []
    whole_of = {dataset: whole for whole, dataset in datasets_of(graph, graph.ids(wholes)).items()}
    return [(column, whole_of[dataset]) for column, dataset, *_ in graph.hops(whole_of.keys(), COLUMNS)]


def datasets_of(graph: KeyedGraph[K], columns: IdsByStem[K]) -> dict[K, K]:
    """Returns the dataset of each column.

    Args:
        graph: The graph.
        columns: The ids of the columns.
    """
    dataset_ids = {stem: ids.dataset_of_column(stem) for stem in columns}
    keys = graph.keys(dataset_ids.values())
    found: dict[K, K] = {}
    for stem, id_ in dataset_ids.items():
        found.update(dict.fromkeys(map(_KEY, columns[stem]), keys[id_]))
    return found


_KEY: Final = itemgetter(1)
