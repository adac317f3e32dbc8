"""The paths that data takes from one dataset or column to another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from consumer.errors import UsageError
from consumer.graph.store import GraphStore
from consumer.lineage.column_lineage import WHOLE
from consumer.query.resolve import LineageNode
from consumer.query.traversal.answer import Link
from consumer.query.traversal.traverse import lineage

MOST_PATHS = 20
FAR = 100


class Paths(NamedTuple):
    """The shortest paths between two nodes.

    Attributes:
        source: Where they begin.
        target: Where they end.
        paths: Each a sequence of links; all of one length. Empty if data does not flow from source to target.
        truncated: True if there are more of this length.
        unknown: True if column lineage is unknown on the way, so that there may be a path that is not shown.
    """

    source: LineageNode
    target: LineageNode
    paths: tuple[tuple[Link, ...], ...]
    truncated: bool
    unknown: bool


def shortest_paths(store: GraphStore, source: LineageNode, target: LineageNode, most: int = MOST_PATHS) -> Paths:
    """Finds the shortest paths from a dataset or column to another.

    Args:
        store: The graph.
        source: Where data comes from.
        target: Where it goes to. Both are datasets, or both are columns; a dataset beside a column stands for all of
            its columns.
        most: The most paths to return.

    Raises:
        UsageError: Both are the same.
        TransientError: The store can't serve now.
    """
    if source == target:
        raise UsageError("source and target are the same; name two different ones")
    by_column = source.column is not None or target.column is not None
    if by_column:
        source, target = (LineageNode(one.dataset, one.column or WHOLE) for one in (source, target))
    answer = lineage(store, source, 0, FAR)
    found = list(_walk(source, target, _onward(answer.downstream), most + 1))
    unknown = bool(answer.unknown.starts) and not found
    return Paths(source, target, tuple(found[:most]), len(found) > most, unknown)


def _onward(links: tuple[Link, ...]) -> Mapping[LineageNode, list[Link]]:
    onward: defaultdict[LineageNode, list[Link]] = defaultdict(list)
    for link in links:
        onward[link.source].append(link)
    return onward


def _walk(
    source: LineageNode, target: LineageNode, onward: Mapping[LineageNode, list[Link]], most: int
) -> Iterator[tuple[Link, ...]]:
    """Yields the shortest paths, in the order of their links."""
    steps = _distances(source, onward)
    if target not in steps:
        return
    # Backwards from the target only along links that come one step nearer to the source: no dead end is entered.
    into: defaultdict[LineageNode, list[Link]] = defaultdict(list)
    for links in onward.values():
        for link in links:
            if link.source in steps and steps.get(link.target) == steps[link.source] + 1:
                into[link.target].append(link)
    waiting: list[tuple[Link, ...]] = [()]
    found = 0
    while waiting and found < most:
        path = waiting.pop()
        at = path[0].source if path else target
        if at == source:
            found += 1
            yield path
        else:
            waiting += [(link, *path) for link in reversed(into[at])]


def _distances(source: LineageNode, onward: Mapping[LineageNode, list[Link]]) -> dict[LineageNode, int]:
    steps = {source: 0}
    level = [source]
    while level:
        below = [link.target for node in level for link in onward.get(node, ()) if link.target not in steps]
        for node in below:
            steps.setdefault(node, steps[level[0]] + 1)
        level = list(dict.fromkeys(below))
    return steps
