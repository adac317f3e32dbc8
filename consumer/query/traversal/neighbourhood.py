"""The surroundings of a dataset for a reader who opens them step by step.

An answer has at most so many datasets, nearest first, and counts the rest: at each distance, and at each dataset the
direct neighbours that it has in the whole graph.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from consumer.graph import schema
from consumer.graph.store import Direction, GraphStore, Properties
from consumer.query import run_states
from consumer.query.catalog.datasets import SUMMARY_KEYS, Summary, summary_of
from consumer.query.catalog.exposures import Exposure, exposure_of
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.runs import Run
from consumer.query.traversal.answer import Link, Node, id_of
from consumer.query.traversal.traverse import lineage

_KEYS = (*SUMMARY_KEYS, "columns")


class Card(NamedTuple):
    """A dataset or exposure of an answer.

    Attributes:
        node: Which it is, and how far from the root.
        summary: Its owners, tags, tests and the like.
        columns: The number of its columns; None where its schema is unknown.
        sources: The number of datasets that it is directly made from, also those beyond the answer.
        uses: The number of datasets and exposures directly made from it, likewise.
        exposure: Its type, address and owner if it is an exposure.
        last_run: The latest run of the jobs that write it; None where there is none, or it was not asked for.
    """

    node: Node
    summary: Summary
    columns: int | None
    sources: int
    uses: int
    exposure: Exposure | None = None
    last_run: Run | None = None


class Neighbourhood(NamedTuple):
    """The datasets around one.

    Attributes:
        root: What was asked about; of a column the surroundings of its dataset are the answer.
        cards: The root and its surroundings, nearest first, then by name.
        links: The links between them.
        upstream: The number of datasets at each step upstream, also those left out; the first is one step away.
        downstream: The same downstream.
        total: The number of datasets within the steps that were asked for, with the root.
    """

    root: LineageNode
    cards: tuple[Card, ...]
    links: tuple[Link, ...]
    upstream: tuple[int, ...]
    downstream: tuple[int, ...]
    total: int


def neighbourhood(
    store: GraphStore, target: LineageNode, upstream: int, downstream: int, limit: int, *, states: bool = False
) -> Neighbourhood:
    """Reads the datasets around one.

    Args:
        store: The graph.
        target: The dataset or exposure; of a column its dataset counts.
        upstream: Steps against the flow of data.
        downstream: Steps with it.
        limit: The most datasets to return, the root among them.
        states: True to read the latest run of each, which costs a look at the runs of its jobs.

    Raises:
        TransientError: The store can't serve now.
    """
    root = target._replace(column=None)
    answer = lineage(store, root, upstream, downstream)
    ordered = sorted(answer.nodes, key=lambda node: (node.depth, node.target))
    nodes = ordered[:limit]
    kept = {node.target for node in nodes}
    links = tuple(link for link in answer.links if link.source in kept and link.target in kept)
    return Neighbourhood(
        target,
        cards(store, nodes, states=states),
        links,
        counted(node.upstream for node in ordered),
        counted(node.downstream for node in ordered),
        len(ordered),
    )


def counted(depths: Iterable[int | None]) -> tuple[int, ...]:
    """Counts depths: first those of one step."""
    counts = Counter(depth for depth in depths if depth)
    return tuple(counts[depth] for depth in range(1, max(counts, default=0) + 1))


def cards(store: GraphStore, nodes: Sequence[Node], *, states: bool) -> tuple[Card, ...]:
    """Reads the cards of datasets and exposures; with `states`, of their latest runs too."""
    by_id = {id_of(node.target): node for node in nodes}
    known = store.read(list(by_id), _KEYS)
    sources, uses = _neighbours(store, by_id, "in"), _neighbours(store, by_id, "out")
    others = [id_ for id_, node in by_id.items() if node.target.kind != DATASET]
    exposures = _exposures(store, others)
    runs = run_states.latest_of(store, [node.target.dataset for node in nodes]) if states else {}
    return tuple(
        Card(
            node,
            summary_of(node.target.dataset, known.get(id_, {})),
            _column_count(known.get(id_, {})),
            sources.get(id_, 0),
            uses.get(id_, 0),
            exposures.get(id_),
            runs.get(node.target.dataset),
        )
        for id_, node in by_id.items()
    )


def _column_count(properties: Properties) -> int | None:
    text = properties.get("columns")
    return len(orjson.loads(str(text))) or None if text else None


def _neighbours(store: GraphStore, ids: Collection[str], direction: Direction) -> Mapping[str, int]:
    """Returns the number of distinct neighbours of vertices."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for edge in store.edges_at(list(ids), schema.EDGE, direction):
        near, far = (edge.target, edge.source) if direction == "in" else (edge.source, edge.target)
        found[near].add(far)
    return {id_: len(others) for id_, others in found.items()}


def _exposures(store: GraphStore, ids: Collection[str]) -> dict[str, Exposure]:
    edges = store.edges_at(list(ids), schema.EDGE, "in") if ids else []
    return {edge.target: exposure_of(edge) for edge in edges}
