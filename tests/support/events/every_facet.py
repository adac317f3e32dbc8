"""Events that hold every facet that the emitter makes, each in its place, as the emitter makes them."""

from typing import Any

from emitter.dbt.node_events import run_event
from emitter.dbt.node_facets import PRODUCER, facet

NAMESPACE = "redshift://wg.eu-west-1:5439"
RUN, PARENT, ROOT = (f"0196fcf1-0000-7000-8000-00000000000{number}" for number in (1, 2, 3))
JOB = "dev.main.shop.orders"

_PARENT = {"run": {"runId": PARENT}, "job": {"namespace": "dbt", "name": "dbt-run-shop"}}
_ROOT = {"run": {"runId": ROOT}, "job": {"namespace": "prod", "name": "dag"}}


def _source(column: str, kind: str, subtype: str) -> dict[str, Any]:
    steps = [{"type": kind, "subtype": subtype}]
    return {"namespace": NAMESPACE, "name": "dev.main.raw", "field": column, "transformations": steps}


OF_RUN: dict[str, dict[str, Any]] = {
    "dbt_run": {"invocation_id": "5f0c9f6e", "project_name": "shop", "dbt_runtime": "core", "full_refresh": False},
    "dbt_version": {"version": "1.11.0"},
    "errorMessage": {"message": "no such table", "programmingLanguage": "sql"},
    "headwater_skipped": {"reason": "model.shop.raw failed"},
    "externalQuery": {"externalQueryId": "q-1", "source": NAMESPACE},
    "parent": {**_PARENT, "root": _ROOT},
    "processing_engine": {"name": "dbt", "version": "1.11.0"},
    "tags": {
        "tags": [
            {"key": "nightly", "value": "true", "source": "DBT"},
            {"key": "Team", "value": "sales", "source": "DBT_META"},
            {"key": "sla", "value": '{"hours": 4}', "source": "DBT_META"},
        ]
    },
    "test": {"tests": [{"name": "t", "status": "pass", "severity": "error", "type": "unit_test"}]},
}
OF_JOB: dict[str, dict[str, Any]] = {
    "dbt_node": {"unique_id": "model.shop.orders", "database": "dev", "schema": "main", "alias": "orders"},
    "jobType": {"jobType": "MODEL", "integration": "DBT", "processingType": "BATCH"},
    "sql": {"query": "select id from raw", "dialect": "redshift"},
}
OF_DATASET: dict[str, dict[str, Any]] = {
    "dataSource": {"name": NAMESPACE, "uri": NAMESPACE},
    "dbt_exposures": {"exposures": [{"unique_id": "exposure.shop.board", "name": "board", "type": "dashboard"}]},
    "dbt_model": {
        "config": {"materialized": "incremental", "incremental": {"strategy": "merge", "unique_key": ["id"]}}
    },
    "documentation": {"description": "Orders, one row each."},
    "ownership": {"owners": [{"name": "ana"}]},
    "schema": {"fields": [{"name": "id", "type": "integer", "description": "key"}, {"name": "total"}]},
    "dataset_tags": {"tags": [{"key": "pii", "value": "true", "source": "DBT", "field": "id"}]},
    "symlinks": {"identifiers": [{"namespace": "arn:aws:glue:r:1", "name": "table/main/orders", "type": "TABLE"}]},
}
OF_INPUT: dict[str, dict[str, Any]] = {
    "dataQualityAssertions": {"assertions": [{"assertion": "unique", "column": "id", "success": True}]}
}
OF_OUTPUT: dict[str, dict[str, Any]] = {"outputStatistics": {"rowCount": 3, "size": 1024}}

_LINEAGE = {
    "_producer": "urn:headwater:refine",
    "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet",
    "fields": {"id": {"inputFields": [_source("id", "DIRECT", "IDENTITY")]}},
    "dataset": [_source("amount", "INDIRECT", "FILTER")],
}


def dataset(name: str) -> dict[str, Any]:
    """A dataset with each facet that a dataset may have, column lineage among them."""
    facets = _made(OF_DATASET) | {"columnLineage": _LINEAGE}
    # Tags have one key, and a schema for each place.
    facets["tags"] = facets.pop("dataset_tags")
    return {"namespace": NAMESPACE, "name": name, "facets": facets}


def run() -> dict[str, Any]:
    """A RunEvent with every facet."""
    source = dataset("dev.main.raw") | {"inputFacets": _made(OF_INPUT)}
    source["facets"] |= _made(OF_INPUT)
    target = dataset("dev.main.orders") | {"outputFacets": _made(OF_OUTPUT)}
    return run_event(
        "COMPLETE",
        "2026-01-02T03:04:05.678901Z",
        {"runId": RUN, "facets": _made(OF_RUN)},
        {"namespace": "dbt", "name": JOB, "facets": _made(OF_JOB)},
        [source],
        [target],
    )


def described() -> dict[str, Any]:
    """A DatasetEvent with every facet, as `dbt docs generate` gives cause for."""
    return {
        "eventTime": "2026-01-02T03:04:05.678901Z",
        "dataset": dataset("dev.main.orders"),
        "producer": PRODUCER,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
    }


def _made(samples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, fields in samples.items():
        made |= facet(key, **fields)
    return made
