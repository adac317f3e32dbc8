"""Run events of dbt models, made short: for graphs with a history of runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.support.graph.example_graphs import Name


def run_event(
    kind: str,
    time: str,
    target: Name,
    *sources: Name,
    run: str = "1",
    error: str = "",
    facets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An event of the run that makes a target from sources.

    Args:
        kind: START, COMPLETE, FAIL or ABORT.
        time: Its time on 2026-01-01, such as `10:00`.
        target: What the run writes; the job is named after it.
        sources: What it reads.
        run: Which run of the job.
        error: The message of an errorMessage facet.
        facets: Facets of the output.
    """
    message: dict[str, Any] = {"errorMessage": {"message": error, "programmingLanguage": "SQL"}} if error else {}
    return {
        "eventType": kind,
        "eventTime": f"2026-01-01T{time}:00Z",
        "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{target[1]}/{run}")), "facets": message},
        "job": {
            "namespace": "dbt",
            "name": f"model.p.{target[1]}",
            "facets": {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}},
        },
        "inputs": [{"namespace": namespace, "name": name} for namespace, name in sources],
        "outputs": [{"namespace": target[0], "name": target[1], "facets": dict(facets or {})}],
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def skipped(time: str, target: Name, reason: str, run: str) -> dict[str, Any]:
    """The only event of a run that was skipped: ABORT without datasets."""
    event = run_event("ABORT", time, target, run=run)
    event["run"]["facets"]["headwater_skipped"] = {"reason": reason}
    return event | {"inputs": [], "outputs": []}


def owned(*owners: str) -> dict[str, Any]:
    """An ownership facet."""
    return {"ownership": {"owners": [{"name": owner} for owner in owners]}}


def assertions(**results: bool) -> dict[str, Any]:
    """A facet with the results of tests, by name; a name `column__test` tests a column."""
    found = []
    for name, success in results.items():
        column, _, assertion = name.rpartition("__")
        found.append(
            {"assertion": assertion, "success": success, "name": name, **({"column": column} if column else {})}
        )
    return {"dataQualityAssertions": {"assertions": found}}


def schema(**columns: str) -> dict[str, Any]:
    """A schema facet: types by column."""
    return {"schema": {"fields": [{"name": name, "type": kind} for name, kind in columns.items()]}}
