"""Manifests, catalogs and events for tests of refinement: real ones, and small ones that are made up."""

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "data"
NAMESPACE = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"


def load(*path: str) -> dict[str, Any]:
    """A JSON file of the tests' data."""
    document: dict[str, Any] = json.loads(DATA.joinpath(*path).read_text("utf-8"))
    return document


def samples(pattern: str) -> list[dict[str, Any]]:
    """The events that dbt-ol sent, of all files that a pattern matches."""
    paths = sorted((DATA / "samples").glob(pattern))
    assert paths, f"no file of the samples is called {pattern}"
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def manifest(*nodes: dict[str, Any], adapter: str = "redshift", **more: Any) -> dict[str, Any]:
    """A manifest with some nodes."""
    by_id = {node["unique_id"]: node for node in nodes}
    return {
        "metadata": {"adapter_type": adapter, "generated_at": "2026-11-21T05:00:00Z", "invocation_id": "i1"},
        "nodes": {key: node for key, node in by_id.items() if not key.startswith("source.")},
        "sources": {key: node for key, node in by_id.items() if key.startswith("source.")},
    } | more


def node(unique_id: str, *above: str, sql: str | None = None, columns: str = "", **more: Any) -> dict[str, Any]:
    """A node, its table called as the last part of its id, in `dev.shop`."""
    name = unique_id.rpartition(".")[2]
    own = {
        "unique_id": unique_id,
        "name": name,
        "database": "dev",
        "schema": "shop",
        "columns": {column: {"name": column} for column in columns.split()},
        "config": {"materialized": "table"},
        "depends_on": {"nodes": list(above)},
        "compiled_code": sql,
    }
    table = {"identifier": name, "source_name": "shop"} if unique_id.startswith("source.") else {"alias": name}
    return own | table | more


def event(
    unique_id: str, *inputs: str, output: str | None = None, job_type: str = "MODEL", **more: Any
) -> dict[str, Any]:
    """An event of a node as dbt-ol sends it, with bare datasets."""
    facets = {"dbt_node": facet(unique_id=unique_id), "jobType": facet(jobType=job_type)}
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-21T05:00:10Z",
        "run": {"runId": "01a1fc7f-4f87-75d1-b91b-1e46bc29e91e", "facets": {"dbt_run": facet(invocation_id="i1")}},
        "job": {"namespace": "dbt", "name": unique_id, "facets": facets},
        "inputs": [dataset(name) for name in inputs],
        "outputs": [dataset(output)] if output else [],
        "producer": "https://example.com/dbt",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    } | more


def facet(**values: Any) -> dict[str, Any]:
    """A facet as someone else makes it."""
    return {"_producer": "https://example.com/p", "_schemaURL": "https://example.com/s", **values}


def dataset(name: str, **facets: Any) -> dict[str, Any]:
    """A dataset of the warehouse."""
    return {"namespace": NAMESPACE, "name": name, "facets": facets}


def names(datasets: list[dict[str, Any]]) -> list[str]:
    """The names of some datasets."""
    return [found["name"] for found in datasets]


def edges(refined: dict[str, Any]) -> set[tuple[str, str, str]]:
    """The direct column edges of an event: source table, source column, column."""
    return {
        (source["name"], source["field"], column)
        for output in refined["outputs"]
        for column, field in output["facets"].get("columnLineage", {}).get("fields", {}).items()
        for source in field["inputFields"]
        if any(step["type"] == "DIRECT" for step in source.get("transformations", [{"type": "DIRECT"}]))
    }
