"""The whole graph as one document, from which the page in a file answers by itself.

Datasets, jobs and columns go by their place in lists; links are flat lists of numbers, which compress well. The script
that reads it is consumer/web/src/data/static/graph.ts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from consumer.graph import ids
from consumer.graph.store import Edge, Properties, Scalar
from consumer.lineage.column_lineage import WHOLE
from consumer.query.traversal.answer import id_of
from consumer.query.traversal.whole_graph import WholeColumn, WholeDataset, WholeGraph, WholeJob, by_dataset, names_of
from consumer.render import documents

Document = dict[str, Any]
VERSION = 1
"""Of the document's form: the script and the data of a file are of one version."""


class Places(dict[str, int]):
    """Numbers of texts, in the order in which they are first asked for."""

    def __missing__(self, key: str) -> int:
        self[key] = len(self)
        return self[key]


def document(graph: WholeGraph) -> Document:
    """Makes the document of a graph."""
    dataset_at = {id_of(one.target): place for place, one in enumerate(graph.datasets)}
    job_at = {ids.job(one.name): place for place, one in enumerate(graph.jobs)}
    column_at = {id_of(one.target): place for place, one in enumerate(graph.columns)}
    writers, readers = by_dataset(graph.writes, writes=True), by_dataset(graph.reads, writes=False)
    schemas, uses = _schemas(graph.columns), _uses(graph.links)
    tools, kinds = Places(), Places()
    return {
        "version": VERSION,
        "datasets": [
            {
                **_dataset(one, schemas.get(id_, [])),
                "exposure": uses.get(id_),
                "producers": _known(writers.get(id_, ()), job_at),
                "readers": _known(readers.get(id_, ()), job_at),
            }
            for id_, one in zip(dataset_at, graph.datasets, strict=True)
        ],
        "jobs": [_job(one) for one in graph.jobs],
        "columns": _columns(graph.columns, dataset_at),
        "links": _flat(graph.links, dataset_at, job_at, "edge_name", tools),
        "column_links": _flat(graph.column_links, column_at, job_at, "transformations", kinds),
        "tools": list(tools),
        "kinds": list(kinds),
    }


def _known(elements: Iterable[str], at: Mapping[str, int]) -> list[int]:
    """Returns the places of those elements that are in a list."""
    return [at[element] for element in elements if element in at]


def _some(properties: Properties, *keys: str) -> dict[str, Scalar | None]:
    """Returns properties by their keys; None for those that are not set or empty."""
    return {key: properties.get(key) or None for key in keys}


def _flat(
    edges: Iterable[Edge], at: Mapping[str, int], job_at: Mapping[str, int], text: str, places: Places
) -> list[int]:
    """Edges as source, target, job (-1 for none) and place of a text, one after the other."""
    numbers: list[int] = []
    for edge in edges:
        if edge.source in at and edge.target in at:
            job = job_at.get(str(edge.properties.get("job", "")), -1)
            numbers += (at[edge.source], at[edge.target], job, places[str(edge.properties.get(text, ""))])
    return numbers


def _columns(columns: Iterable[WholeColumn], dataset_at: Mapping[str, int]) -> Document:
    return {
        "dataset": [dataset_at.get(ids.dataset(one.target.dataset), -1) for one in columns],
        "name": [one.target.column for one in columns],
    }


def _schemas(columns: Iterable[WholeColumn]) -> dict[str, list[Document]]:
    """Returns the columns of each dataset's schema, in its order."""
    found: defaultdict[str, list[Document]] = defaultdict(list)
    shown = [one for one in columns if one.properties.get("in_schema") and one.target.column != WHOLE]
    for one in sorted(shown, key=lambda one: (int(one.properties.get("position") or 0), str(one.target.column))):
        about = _some(one.properties, "type", "description")
        found[ids.dataset(one.target.dataset)].append({"name": one.target.column, **about})
    return found


def _uses(links: Iterable[Edge]) -> dict[str, Document]:
    """Returns the properties of exposures, by the edges that lead to them."""
    own = (edge for edge in links if "job" not in edge.properties)
    return {edge.target: _some(edge.properties, "type", "url", "owner") for edge in own}


def _dataset(one: WholeDataset, columns: list[Document]) -> Document:
    properties = one.properties
    listed = orjson.loads(str(properties.get("columns") or "[]"))
    return {
        **documents.summary(one.summary),
        "kind": one.target.kind,
        "aliases": [documents.name(alias) for alias in names_of(str(properties.get("aliases") or ""))],
        "apart": [documents.name(other) for other in names_of(str(properties.get("apart") or ""))],
        "schema": columns,
        "column_count": len(listed) or None,
        "statistics": orjson.loads(str(properties.get("statistics") or "{}")),
        "version": properties.get("version") or None,
        "source_uri": properties.get("source_uri") or None,
    }


def _job(one: WholeJob) -> Document:
    about = _some(one.properties, "type", "integration", "description", "source_path")
    runs = [documents.run(run) for run in one.runs]
    return {**documents.name(one.name), **about, "sql": one.sql or None, "runs": runs}
