"""Marquez's graph of fields.

`inEdges` are reversed here, and here alone: their origin is the field itself, their destination is its source. The web
UI draws them so. What a filter or join of a whole dataset decides is no field, and is not in this graph; `/api/v2`
has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from consumer.api.marquez.documents.spelling import Document
from consumer.api.marquez.node_ids import field_id
from consumer.graph import ids, schema
from consumer.graph.store import Direction, Edge, GraphStore
from consumer.lineage.column_lineage import WHOLE
from schemas.naming import DatasetName


def column_lineage(store: GraphStore, fields: Collection[str], depth: int, *, downstream: bool) -> Document:
    """Returns the graph above fields, and below them if that is wanted.

    Args:
        store: The graph.
        fields: The ids of columns.
        depth: Steps; as in Marquez 0 counts as 1.
        downstream: True for what is made from the fields too.

    Raises:
        TransientError: The store can't serve now.
    """
    found = _walk(store, fields, max(1, depth), "in")
    if downstream:
        found |= _walk(store, fields, max(1, depth), "out")
    ends = {id_ for edge in found.values() for id_ in (edge.source, edge.target)}
    types = store.read(sorted(ends), ("type",)) if ends else {}
    sources: defaultdict[str, list[Edge]] = defaultdict(list)
    targets: defaultdict[str, list[str]] = defaultdict(list)
    for edge in found.values():
        sources[edge.target].append(edge)
        targets[edge.source].append(edge.target)
    nodes = [
        _node(id_, str(types.get(id_, {}).get("type") or ""), sources.get(id_, []), targets.get(id_, []))
        for id_ in ends
    ]
    return {"graph": sorted(nodes, key=lambda node: str(node["id"]))}


def _walk(store: GraphStore, fields: Collection[str], depth: int, direction: Direction) -> dict[str, Edge]:
    found: dict[str, Edge] = {}
    reached, frontier = set(fields), set(fields)
    for _ in range(depth):
        edges = store.edges_at(sorted(frontier), schema.COLUMN_EDGE, direction)
        edges = [edge for edge in edges if not (_is_whole(edge.source) or _is_whole(edge.target))]
        found.update((edge.id, edge) for edge in edges)
        frontier = {edge.source if direction == "in" else edge.target for edge in edges} - reached
        reached |= frontier
        if not frontier:
            break
    return found


def _is_whole(id_: str) -> bool:
    return ids.parse(id_)[-1] == WHOLE


def _named(id_: str) -> tuple[DatasetName, str]:
    _, namespace, name, field = ids.parse(id_)
    return DatasetName(namespace, name), field


def _marquez_id(id_: str) -> str:
    return field_id(*_named(id_))


def _node(id_: str, kind: str, sources: Sequence[Edge], targets: Iterable[str]) -> Document:
    (dataset, field), node = _named(id_), _marquez_id(id_)
    inputs = sorted({_marquez_id(edge.source) for edge in sources})
    outputs = sorted(set(map(_marquez_id, targets)))
    return {
        "id": node,
        "type": "DATASET_FIELD",
        "data": {
            "namespace": dataset.namespace,
            "dataset": dataset.name,
            "datasetVersion": None,
            "field": field,
            "fieldType": kind,
            "transformationDescription": None,
            "transformationType": None,
            "inputFields": input_fields(sources),
        },
        "inEdges": [{"origin": node, "destination": source} for source in inputs],
        "outEdges": [{"origin": node, "destination": target} for target in outputs],
    }


def input_fields(edges: Iterable[Edge], *, versions: bool = True) -> list[Document]:
    """Returns the sources of one field, sorted, each once.

    Args:
        edges: The edges into it.
        versions: True to have a version of the dataset in each, which is never known.
    """
    kinds: defaultdict[tuple[DatasetName, str], set[str]] = defaultdict(set)
    for edge in edges:
        kinds[_named(edge.source)].update(filter(None, str(edge.properties.get("transformations") or "").split(",")))
    return [
        {
            "namespace": dataset.namespace,
            "dataset": dataset.name,
            **({"datasetVersion": None} if versions else {}),
            "field": field,
            "transformationDescription": None,
            "transformationType": ",".join(sorted(found)) or None,
        }
        for (dataset, field), found in sorted(kinds.items())
    ]


def of_dataset(store: GraphStore, dataset: DatasetName) -> list[Document] | None:
    """Returns what each field of a dataset is made from, as the dataset's own answer has it; None if that is unknown.

    Raises:
        TransientError: The store can't serve now.
    """
    columns = [edge.source for edge in store.edges_at([ids.dataset(dataset)], schema.COLUMN_OF, "in")]
    into: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in _walk(store, columns, 1, "in").values() if columns else ():
        into[_named(edge.target)[1]].append(edge)
    return [
        {
            "name": field,
            "inputFields": input_fields(edges, versions=False),
            "transformationDescription": None,
            "transformationType": None,
        }
        for field, edges in sorted(into.items())
    ] or None
