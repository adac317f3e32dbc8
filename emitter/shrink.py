"""Reduction of events that are too large for Kafka: facets that lineage needs least are dropped first.

STEPS has the order. The lineage itself is never dropped: run, job, inputs, outputs and their names, parents, symlinks,
job type and dbt's node. A run facet `headwater_reduced` lists what is missing (a job's or dataset's facet, if the event
has no run).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from emitter.record import Record

MARKER = "headwater_reduced"
_PRODUCER = "urn:headwater:reduce"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"

Json = dict[str, Any]

# OpenLineage's facets, with dbt's own; a facet of another name is a custom one.
_OF_RUNS = frozenset(
    {"dbt_run", "dbt_version", "environmentVariables", "errorMessage", "executionParameters", "externalQuery"}
    | {"extractionError", "jobDependencies", "nominalTime", "parent", "processing_engine", "tags", "test"}
)
_OF_JOBS = frozenset(
    {"dbt_node", "documentation", "jobType", "lineage", "ownership", "sourceCode", "sourceCodeLocation", "sql", "tags"}
)
_OF_DATASETS = frozenset(
    {"catalog", "columnLineage", "dataQualityAssertions", "dataQualityMetrics", "datasetType", "datasetVersion"}
    | {"dataSource", "documentation", "hierarchy", "inputStatistics", "inputSubset", "lifecycleStateChange"}
    | {"outputStatistics", "outputSubset", "ownership", "schema", "storage", "subset", "symlinks", "tags", "version"}
)
_KNOWN = _OF_RUNS | _OF_JOBS | _OF_DATASETS


def _facets(event: Json) -> Iterator[tuple[str, Json]]:
    """Yields the facets of run, job and datasets, each with the name of its owner in the event."""
    for name in ("run", "job", "dataset"):
        yield from _of(name, event.get(name), "facets")
    for name in ("inputs", "outputs"):
        datasets = event.get(name)
        for dataset in datasets if isinstance(datasets, list) else ():
            yield from _of(name, dataset, "facets")
            yield from _of(name, dataset, f"{name[:-1]}Facets")


def _of(place: str, owner: Any, name: str) -> Iterator[tuple[str, Json]]:
    facets = owner.get(name) if isinstance(owner, dict) else None
    if isinstance(facets, dict):
        yield place, facets


def _without(*names: str, places: tuple[str, ...] = ()) -> Callable[[Json], None]:
    def step(event: Json) -> None:
        for place, facets in _facets(event):
            if not places or place in places:
                for name in names:
                    facets.pop(name, None)

    return step


def _without_custom(event: Json) -> None:
    for _, facets in _facets(event):
        for name in facets.keys() - _KNOWN - {MARKER}:
            del facets[name]


def _without_descriptions(event: Json) -> None:
    _without("documentation")(event)
    for _, facets in _facets(event):
        for entry in _entries(facets.get("schema")):
            entry.pop("description", None)


def _entries(schema: Any) -> Iterator[Json]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    yield from (entry for entry in (fields if isinstance(fields, list) else ()) if isinstance(entry, dict))


def _without_indirect(event: Json) -> None:
    """Drops the contributions of filters and joins, and the transformation of each column."""
    for _, facets in _facets(event):
        lineage = facets.get("columnLineage")
        if not isinstance(lineage, dict):
            continue
        lineage.pop("dataset", None)
        fields = lineage.get("fields")
        for entry in fields.values() if isinstance(fields, dict) else ():
            sources = entry.get("inputFields") if isinstance(entry, dict) else None
            for source in sources if isinstance(sources, list) else ():
                if isinstance(source, dict):
                    source.pop("transformations", None)


STEPS: tuple[tuple[str, Callable[[Json], None]], ...] = (
    ("sourceCode, environmentVariables", _without("sourceCode", "environmentVariables")),
    ("custom facets", _without_custom),
    ("documentation", _without_descriptions),
    ("statistics and metrics", _without("inputStatistics", "outputStatistics", "dataQualityMetrics")),
    ("errorMessage, extractionError", _without("errorMessage", "extractionError")),
    ("sql", _without("sql", "externalQuery")),
    ("schema of inputs", _without("schema", places=("inputs",))),
    ("column transformations", _without_indirect),
    ("dataQualityAssertions", _without("dataQualityAssertions")),
    ("schema", _without("schema")),
    ("columnLineage", _without("columnLineage")),
)


def shrink(record: Record) -> Iterator[Record]:
    """Yields a record's event with ever fewer facets, each time with the marker; nothing if it is not a JSON object."""
    try:
        event = json.loads(record.value)
    except ValueError:
        return
    if not isinstance(event, dict):
        return
    dropped: list[str] = []
    size = len(record.value)
    for name, step in STEPS:
        before = _bytes(event)
        step(event)
        if _bytes(event) != before:
            dropped.append(name)
            yield replace(record, value=_bytes(_marked(event, dropped, size)))


def _marked(event: Json, dropped: list[str], size: int) -> Json:
    """Returns the event with the marker on the first of run, job and dataset that it has."""
    marker = {"_producer": _PRODUCER, "dropped": list(dropped), "originalBytes": size}
    for name in ("run", "job", "dataset"):
        if isinstance(owner := event.get(name), dict):
            facets = owner.get("facets") if isinstance(owner.get("facets"), dict) else {}
            mark = {**marker, "_schemaURL": f"{_SCHEMA}{name.title()}Facet"}
            return {**event, name: {**owner, "facets": {**(facets or {}), MARKER: mark}}}
    return event


def _bytes(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
