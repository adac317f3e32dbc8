"""The nodes and links of an answer, made of the keys and edges that walks have found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import itemgetter
from typing import Final, Generic

from consumer.graph import ids, schema
from consumer.graph.walks.keyed_graph import MAKING, Along, Hop, IdsByStem, K, KeyedGraph, Making
from consumer.lineage.facts.keys import JobName
from consumer.query.resolve import LineageNode
from consumer.query.traversal.answer import Link, Node, maker, named, targets_of

_Fields = tuple[int, JobName | None, str, str]
"""The place of the job of an edge among all jobs, and the fields of a link beside its ends."""


class AnswerNodes(Generic[K]):
    """Vertices that walks have come to, in the order of their names.

    Args:
        graph: The graph of the walks.
        reached: The ids of the vertices.
    """

    def __init__(self, graph: KeyedGraph[K], reached: IdsByStem[K]) -> None:
        self._graph = graph
        # The place of each among all, and the target.
        self._ends = {key: (place, target) for place, (target, key) in enumerate(_in_order(reached))}

    def nodes(self, up: Mapping[K, int], down: Mapping[K, int]) -> tuple[Node, ...]:
        """Returns the nodes, sorted.

        Args:
            up: How many steps each lies upstream of the root.
            down: How many steps it lies downstream.
        """
        targets = map(_TARGET, self._ends.values())
        return tuple(named(Node, targets, map(up.get, self._ends), map(down.get, self._ends)))

    def targets(self, keys: Collection[K]) -> tuple[LineageNode, ...]:
        """Returns the targets of some of the vertices, sorted."""
        return tuple([target for key, (_, target) in self._ends.items() if key in keys])

    def links(self, hops: Collection[Hop[K]], along: Along, inner: Collection[tuple[K, K]] = ()) -> tuple[Link, ...]:
        """Returns links between the vertices, sorted.

        Args:
            hops: Edges.
            along: The walk that found them.
            inner: The ends of links without an edge.
        """
        ends, fields = self._ends, self._fields(hops, along)
        # One integer is compared sooner than the names of both ends and of the job.
        each_target = len(fields) + 1
        each_source = each_target * len(ends)
        found: list[tuple[int, tuple[object, ...]]] = []
        for near, far in inner:
            (source_at, source), (target_at, target) = ends[near], ends[far]
            found.append((source_at * each_source + target_at * each_target, (source, target, None, "", "")))
        for of_source, of_target, job, packed in hops:
            (source_at, source), (target_at, target) = ends[of_source], ends[of_target]
            place, name, tool, transformations = fields[job, packed]
            place += source_at * each_source + target_at * each_target
            found.append((place, (source, target, name, tool, transformations)))
        found.sort(key=itemgetter(0))
        return tuple(map(maker(Link), map(itemgetter(1), found)))

    def _fields(self, hops: Collection[Hop[K]], along: Along) -> dict[Making, _Fields]:
        """Returns the fields of links beside their ends; links without a job come first."""
        made = self._graph.made(set(map(MAKING, hops)), along)
        jobs = {says.job: ids.job_name(says.job) for says in made.values() if says.job}
        places = {job: place for place, job in enumerate(sorted(jobs, key=jobs.__getitem__), 1)}
        found: dict[Making, _Fields] = {}
        for making, (job, detail) in made.items():
            of_link = (detail, "") if along.label == schema.EDGE else ("", detail)
            found[making] = (places.get(job, 0), jobs.get(job), *of_link)
        return found


def _in_order(reached: IdsByStem[K]) -> list[tuple[LineageNode, K]]:
    """Returns the targets of ids, sorted."""
    found: list[tuple[LineageNode, K]] = []
    for stem in sorted(reached):
        tails, keys = zip(*sorted(reached[stem], key=_TAIL), strict=True)
        found += zip(targets_of(stem, tails), keys, strict=True)
    # Nearly in order: either all targets have a column or none has, so they can be compared as they are.
    found.sort(key=itemgetter(0))
    return found


_TAIL: Final = itemgetter(0)
_TARGET: Final = itemgetter(1)
