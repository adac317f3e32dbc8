"""The whole graph in one text: JSON, a lineage map, Neptune's bulk load format, Mermaid, DOT.

The same events give the same bytes from every store: all is sorted, and nothing depends on the moment of export.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Vertex
from consumer.graph.stored_facts import facts_of, unpacked
from consumer.lineage.facts.keys import RunKey
from consumer.lineage.facts.run_facts import RunDataset, RunFacts, with_datasets
from consumer.projection.runs import parent_of
from schemas.naming import DatasetName

Document = dict[str, list[Any]]
"""The object that `export --format json` prints; its form is fixed by the design."""


def document(store: GraphStore) -> Document:
    """Returns the graph as the design's object: data sets and what makes them. Exposures are in the other formats.

    Raises:
        TransientError: The store can't serve now.
    """
    datasets = [vertex for vertex in store.vertices(schema.NODE) if "kind" not in vertex.properties]
    shown = dict(_shown(datasets))
    return {
        "datasets": sorted(map(_dataset, datasets), key=_key),
        "jobs": sorted((_job(vertex) for vertex in store.vertices(schema.JOB)), key=_key),
        "runs": sorted(_runs(store, shown), key=lambda run: (run["id"], run["job"])),
        "reads": sorted([_parts(edge.source), _parts(edge.target)] for edge in store.edges(schema.READS)),
        "writes": sorted([_parts(edge.source), _parts(edge.target)] for edge in store.edges(schema.WRITES)),
        "dataset_edges": sorted(
            [_parts(edge.source), _parts(edge.target), _parts(str(edge.properties["job"]))]
            for edge in store.edges(schema.EDGE)
            if "job" in edge.properties
        ),
        "column_edges": sorted(
            [_parts(edge.source), _parts(edge.target), _parts(str(edge.properties["job"]))]
            for edge in store.edges(schema.COLUMN_EDGE)
        ),
    }


def to_json(found: Document) -> bytes:
    """Returns the object as bytes, ended by a newline."""
    return orjson.dumps(
        found, default=tuple, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["namespace"], item["name"]


def _parts(id_: str) -> list[str]:
    return list(ids.parse(id_)[1:])


def _json(vertex: Vertex, key: str) -> list[Any]:
    text = vertex.properties.get(key)
    return list(orjson.loads(str(text))) if text else []


def _dataset(vertex: Vertex) -> dict[str, Any]:
    return {
        "namespace": vertex.properties["namespace"],
        "name": vertex.properties["name"],
        "node_name": vertex.properties["node_name"],
        "aliases": _json(vertex, "aliases"),
        "columns": [{"name": name, "type": kind} for name, kind in _json(vertex, "columns")],
    }


def _job(vertex: Vertex) -> dict[str, Any]:
    return {
        "namespace": vertex.properties["namespace"],
        "name": vertex.properties["name"],
        "type": vertex.properties.get("type") or None,
        "names": sorted(facts_codec.load_job(unpacked(vertex.properties)).names),
    }


def _shown(nodes: Iterable[Vertex]) -> Iterator[tuple[DatasetName, DatasetName]]:
    """Yields each of a dataset's names with the one that is shown."""
    for vertex in nodes:
        name = DatasetName(str(vertex.properties["namespace"]), str(vertex.properties["name"]))
        for alias in _json(vertex, "aliases"):
            yield DatasetName(*alias), name


def _runs(store: GraphStore, shown: dict[DatasetName, DatasetName]) -> Iterator[dict[str, Any]]:
    apart: defaultdict[RunKey, dict[DatasetName, RunDataset]] = defaultdict(dict)
    for vertex in store.vertices(schema.RUN_DATASET):
        run, name = ids.run_dataset_key(vertex.id)
        apart[run][name] = facts_codec.load_run_dataset(unpacked(vertex.properties))
    for id_, stored in facts_of(store, store.vertices(schema.RUN)):
        run = ids.run_key(id_)
        facts = facts_codec.load_run(stored)
        if facts.state is not None:
            yield _run(run, with_datasets(facts, apart.get(run, {})), shown)


def _run(run: RunKey, facts: RunFacts, shown: dict[DatasetName, DatasetName]) -> dict[str, Any]:
    parent = parent_of(facts)

    def names(found: Iterable[DatasetName]) -> list[DatasetName]:
        return sorted({shown.get(name, name) for name in found})

    return {
        "id": run.id,
        "job": run.job,
        "state": facts.state.name if facts.state else None,
        "started_at": facts.started_at,
        "ended_at": facts.ended_at,
        "parent": parent.id if parent else None,
        "inputs": names(facts.inputs),
        "outputs": names(facts.outputs),
    }
