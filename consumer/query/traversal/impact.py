"""The datasets that a change of a dataset or column affects, by distance, with their owners, tests and exposures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from consumer.graph.store import GraphStore
from consumer.lineage.column_lineage import WHOLE
from consumer.query.catalog.datasets import Summary, summaries
from consumer.query.catalog.exposures import Exposure, exposures
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.traversal.answer import Lineage, Link
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName

FAR = 100
"""Steps downstream that count as all."""


class Change(StrEnum):
    """A change of a dataset or column."""

    DROP = "drop"
    RENAME = "rename"
    TYPE = "type"
    STOP = "stop"


class Certainty(StrEnum):
    """The dependency of an affected dataset on the change.

    DIRECT: values come from it. INDIRECT: it only decides which rows or branches there are. UNKNOWN: column lineage
    is unknown on the way, so that it may depend on it.
    """

    DIRECT = "direct"
    INDIRECT = "indirect"
    UNKNOWN = "unknown"


class Affected(NamedTuple):
    """A dataset that a change affects.

    Attributes:
        summary: The dataset with owners, tags and tests.
        depth: Steps downstream of the change.
        certainty: How it depends on what changes; of a table as a whole it is direct.
        columns: The affected columns, sorted; empty where a table is asked about, or where they are unknown.
        exposures: Its declared uses.
    """

    summary: Summary
    depth: int
    certainty: Certainty
    columns: tuple[str, ...]
    exposures: tuple[Exposure, ...]


class Impact(NamedTuple):
    """The answer to "what breaks?".

    Attributes:
        root: What changes.
        change: How.
        affected: The affected datasets, by depth, then name.
        unknown_at: Tables at which column lineage ends, so that what is beyond them is unknown.
        changed: The dataset that changes, at depth 0, with its own uses; of a column, its table.
    """

    root: LineageNode
    change: Change
    affected: tuple[Affected, ...]
    unknown_at: tuple[DatasetName, ...]
    changed: Affected

    @property
    def exposures(self) -> tuple[Exposure, ...]:
        """The declared uses of what changes itself: what breaks first, and no dataset is in between."""
        return self.changed.exposures

    @property
    def by_depth(self) -> dict[int, int]:
        """The number of affected datasets at each depth."""
        counts: defaultdict[int, int] = defaultdict(int)
        for one in self.affected:
            counts[one.depth] += 1
        return dict(counts)

    @property
    def owners(self) -> dict[str, int]:
        """The owners of affected datasets, with how many each owns."""
        counts: defaultdict[str, int] = defaultdict(int)
        for one in self.affected:
            for owner in one.summary.owners:
                counts[owner] += 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def impact(store: GraphStore, target: LineageNode, change: Change = Change.DROP, depth: int = FAR) -> Impact:
    """Finds what a change of a dataset or column affects.

    A dataset whose data stops arriving, or that is dropped as a whole, affects everything downstream. A column affects
    the columns that are made from it, and those of tables whose rows it decides.

    Args:
        store: The graph.
        target: What changes.
        change: How it changes. If data stops arriving, a column's table is what counts.
        depth: The most steps downstream.

    Raises:
        TransientError: The store can't serve now.
    """
    root = LineageNode(target.dataset) if change is Change.STOP or target.column == WHOLE else target
    answer = lineage(store, root, 0, depth)
    reached = _tables(answer) if root.column is None else _columns(answer)
    # In a cycle the root is made from itself, and is listed as such.
    changed = _Reached(0, Certainty.DIRECT, frozenset([root.column] if root.column else []))
    found = [(root.dataset, changed), *reached.items()]
    names = {name for name, _ in found}
    shown, uses = summaries(store, names), exposures(store, names)
    first, *affected = (
        Affected(shown[name], one.depth, one.certainty, tuple(sorted(one.columns)), uses.get(name, ()))
        for name, one in found
    )
    affected.sort(key=lambda one: (one.depth, one.summary.node_name, one.summary.dataset))
    return Impact(root, change, tuple(affected), tuple(start.dataset for start in answer.unknown.starts), first)


class _Reached(NamedTuple):
    depth: int
    certainty: Certainty
    columns: frozenset[str] = frozenset()


def _tables(answer: Lineage) -> dict[DatasetName, _Reached]:
    return {
        node.target.dataset: _Reached(node.downstream, Certainty.DIRECT)
        for node in answer.nodes
        if node.downstream and node.target.kind == DATASET
    }


def _columns(answer: Lineage) -> dict[DatasetName, _Reached]:
    """Returns the datasets that a column reaches; an edge within its own dataset reaches nothing new."""
    direct = _directly_reached(answer.root, answer.downstream)
    found: dict[DatasetName, _Reached] = {}
    for node in answer.nodes:
        if not node.downstream:
            continue
        dataset, column, _ = node.target
        certainty = Certainty.DIRECT if node.target in direct else Certainty.INDIRECT
        known = found.get(dataset, _Reached(node.downstream, certainty))
        found[dataset] = _Reached(
            min(known.depth, node.downstream),
            Certainty.DIRECT if Certainty.DIRECT in {known.certainty, certainty} else certainty,
            known.columns | ({column} if column and column != WHOLE else set()),
        )
    for node in answer.unknown.nodes:
        if node.downstream and node.target.kind == DATASET and node.target.dataset not in found:
            found[node.target.dataset] = _Reached(node.downstream, Certainty.UNKNOWN)
    return found


def _directly_reached(root: LineageNode, links: Iterable[Link]) -> set[LineageNode]:
    """Returns the columns that values of the root come into, step by step."""
    onward: defaultdict[LineageNode, set[LineageNode]] = defaultdict(set)
    for link in links:
        if "DIRECT" in _kinds(link):
            onward[link.source].add(link.target)
    return _closure(root, onward)


def _kinds(link: Link) -> set[str]:
    return {kind.partition("/")[0] for kind in link.transformations.split(",")}


def _closure(root: LineageNode, onward: Mapping[LineageNode, Iterable[LineageNode]]) -> set[LineageNode]:
    reached, waiting = {root}, [root]
    while waiting:
        new = set(onward.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached - {root}
