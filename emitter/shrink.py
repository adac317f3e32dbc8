"""Reduction of events that are too large for Kafka: facets that lineage needs least are dropped first.

STEPS has the order. The lineage itself is never dropped: run, job, inputs, outputs and their names, parents, symlinks,
job type and dbt's node. A run facet `headwater_reduced` lists what is missing (a job's or dataset's facet, if the event
has no run).
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from emitter.record import Record
from emitter.reduction import (
    Json,
    Steps,
    reduced,
    without,
    without_descriptions,
    without_others,
    without_transformations,
)

_PRODUCER = "urn:headwater:reduce"

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


def _without_documentation(event: Json) -> None:
    without("documentation")(event)
    without_descriptions(event)


STEPS: Steps = (
    ("sourceCode, environmentVariables", without("sourceCode", "environmentVariables")),
    ("custom facets", without_others(_OF_RUNS | _OF_JOBS | _OF_DATASETS)),
    ("documentation", _without_documentation),
    ("statistics and metrics", without("inputStatistics", "outputStatistics", "dataQualityMetrics")),
    ("errorMessage, extractionError", without("errorMessage", "extractionError")),
    ("sql", without("sql", "externalQuery")),
    ("schema of inputs", without("schema", places=("inputs",))),
    ("column transformations", without_transformations),
    ("dataQualityAssertions", without("dataQualityAssertions")),
    ("schema", without("schema")),
    ("columnLineage", without("columnLineage")),
)


def shrink(record: Record) -> Iterator[Record]:
    """Yields a record's event with ever fewer facets, each time with the marker; nothing if it is not a JSON object."""
    try:
        event = json.loads(record.value)
    except ValueError:
        return
    if isinstance(event, dict):
        for value, _ in reduced(event, len(record.value), STEPS, _bytes, _PRODUCER):
            yield replace(record, value=value)


def _bytes(event: Json) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()
