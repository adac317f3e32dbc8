"""The upstream and downstream lineage of a dataset or column.

Where a table leads to another one without any column edge, column lineage is unknown; the answer goes on by table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from consumer.graph import schema
from consumer.graph.store import Direction, GraphStore
from consumer.graph.walks.id_graph import for_walks
from consumer.graph.walks.keyed_graph import Along, K, KeyedGraph
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
    link_of,
    target_of,
    title,
)
from consumer.query.traversal.answer_nodes import AnswerNodes
from consumer.query.traversal.walk import Walk, datasets_of, walk, widen_columns, widen_nothing, widen_root

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
    by_column = target.kind == DATASET and (columns or direct or target.column is not None)
    root = LineageNode(target.dataset, target.column or WHOLE) if by_column else target
    with for_walks(store) as graph:
        return _lineage(graph, root, (upstream, downstream), direct=direct)


def _lineage(graph: KeyedGraph[K], root: LineageNode, steps: tuple[int, int], *, direct: bool) -> Lineage:
    up, down = (_walk(graph, root, way, most, direct=direct) for way, most in zip(_WAYS, steps, strict=True))
    reached = graph.ids(up.depths.keys() | down.depths.keys())
    nodes = AnswerNodes(graph, reached)
    return Lineage(
        root,
        nodes.nodes(up.depths, down.depths),
        nodes.links(up.hops, up.along, up.inner),
        nodes.links(down.hops, down.along, down.inner),
        frozenset(way for way, most in zip(_WAYS, steps, strict=True) if most),
        NO_TABLES if root.column is None else _tables(graph, up, down, datasets_of(graph, reached), steps),
    )


def _walk(graph: KeyedGraph[K], root: LineageNode, way: Way, steps: int, *, direct: bool) -> Walk[K]:
    id_, direction = id_of(root), _WAYS[way]
    start = graph.keys([id_])[id_]
    if root.column is None:
        return walk(graph, start, Along(schema.EDGE, direction, "edge_name"), steps, widen_nothing)
    along = Along(schema.COLUMN_EDGE, direction, "transformations")
    if direct:
        return walk(graph, start, along, steps, widen_root, is_direct)
    return walk(graph, start, along, steps, widen_columns)


def _tables(
    graph: KeyedGraph[K], up: Walk[K], down: Walk[K], dataset_of: Mapping[K, K], steps: tuple[int, int]
) -> Tables:
    above = table_fallback.beyond(graph, up, dataset_of, steps[0])
    below = table_fallback.beyond(graph, down, dataset_of, steps[1])
    nodes = AnswerNodes(graph, graph.ids(above.depths.keys() | below.depths.keys()))
    return Tables(
        nodes.targets(above.starts | below.starts),
        nodes.nodes(above.depths, below.depths),
        nodes.links(above.hops, above.along),
        nodes.links(below.hops, below.along),
    )


def is_direct(transformations: str) -> bool:
    """True if values flow along a column edge."""
    return any(kind.partition("/")[0] == "DIRECT" for kind in transformations.split(","))


_WAYS: Final[Mapping[Way, Direction]] = {"upstream": "in", "downstream": "out"}
