"""Backfill: from what dbt left on disk to the events that a run of dbt-ol would have sent. Pure, and so repeatable.

Run ids come from dbt's invocation id and a node's unique id, times from the artifacts, so the same files give the same
events: folding them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emitter.dbt import node_facets as facets
from emitter.dbt.artifact_times import earliest
from emitter.dbt.manifest import Manifest
from emitter.dbt.namespaces import DatasetLocation, default_location, location_of, scheme_of
from emitter.dbt.node_events import (
    Event,
    EventBuilder,
    Invocation,
    job_event,
    run_event,
    with_pointers,
)
from emitter.dbt.outcomes import data_tests, skipped_nodes
from emitter.dbt.outcomes.run_results import REUSED, Result, RunResults
from emitter.errors import ArtifactError
from emitter.message_key import message_key
from schemas.counted import counted

__all__ = [
    "ArtifactError",
    "Artifacts",
    "DatasetLocation",
    "Event",
    "Hooks",
    "Manifest",
    "Refine",
    "RunResults",
    "default_location",
    "events",
    "location_of",
    "message_key",
    "notes",
    "scheme_of",
    "with_executed_sql",
]

Refine = Callable[[Event], Event]
"""Makes an event more precise: its column lineage, above all."""

Hooks = Callable[[Event], Iterable[Event]]
"""Makes the events of the hooks of a node, or of dbt's own run, from the refined event."""

JOB_NAMESPACE = "dbt"
"""dbt-ol's default for OPENLINEAGE_NAMESPACE."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The artifacts of one project.

    Attributes:
        manifest: The project.
        results: What became of its nodes in one invocation.
        catalog: The parsed catalog.json.
    """

    manifest: Manifest
    results: RunResults | None = None
    catalog: Mapping[str, Any] | None = None


def events(
    artifacts: Artifacts,
    place: DatasetLocation,
    *,
    job_namespace: str = JOB_NAMESPACE,
    refine: Refine | None = None,
    hooks: Hooks | None = None,
) -> Iterator[Event]:
    """Yields the events of one project, the run of dbt itself around those of its nodes.

    Only a node whose result shows that it was executed has a run. Any other node in the manifest is a definition, a
    JobEvent at the time of the manifest. A node that was skipped since another one failed has one event that says so.
    One that was skipped for another reason, or whose outcome a cancelled invocation hides, has none.

    Args:
        artifacts: What dbt left.
        place: Where the project's datasets are.
        job_namespace: The namespace of its jobs.
        refine: Applied to every event.
        hooks: Applied to every refined event; its events follow that event.
    """
    manifest, results = with_executed_sql(artifacts.manifest, artifacts.results), artifacts.results
    invocation = _invocation(manifest, results, job_namespace)
    maker = EventBuilder(manifest, place, invocation, artifacts.catalog)
    for event in _events(manifest, results, maker, invocation):
        refined = with_pointers(refine(event)) if refine else event
        yield refined
        yield from hooks(refined) if hooks else ()
    if hooks and not (results and results.ran):
        # No run of dbt is known, so that it has no event of its own.
        yield from hooks(job_event(manifest.generated_at, _job_of_run(invocation), []))


def with_executed_sql(manifest: Manifest, results: RunResults | None) -> Manifest:
    """Returns the manifest with the compiled SQL that only the run results have, as after `dbt parse`."""
    told = results.by_id.values() if results else ()
    sql = {result.unique_id: result.sql for result in told if result.sql and result.unique_id in manifest.nodes}
    return manifest.with_sql({id_: text for id_, text in sql.items() if manifest.is_without_compiled_sql(id_)})


def notes(artifacts: Artifacts, *, columns: bool = True) -> Iterator[str]:
    """Yields notes on artifacts that are incomplete.

    Args:
        artifacts: What dbt left.
        columns: True if column lineage is wanted.
    """
    results = artifacts.results
    if results and results.stamped:
        yield (
            f"dbt was cancelled or failed early ({results.error}): the outcome of"
            f" {counted(len(results.stamped), 'node')} is unknown, so no run is emitted there"
        )
    for status, count in sorted(results.unknown.items()) if results else ():
        yield f"unknown status {status!r} of {counted(count, 'node')}, so no run is emitted there"
    if columns and (count := len(with_executed_sql(artifacts.manifest, results).without_sql())):
        nodes = counted(count, "node")
        yield f"there is no compiled SQL of {nodes}, so column lineage is missing there: run `dbt compile`"


def _invocation(manifest: Manifest, results: RunResults | None, job_namespace: str) -> Invocation:
    job = (job_namespace, f"dbt-run-{manifest.project}")
    if results is None:
        return Invocation(manifest.invocation_id, "build", job, full_refresh=None, dbt_version="")
    return Invocation(
        id=results.invocation_id or manifest.invocation_id,
        command=(results.command if results.ran else None) or "build",
        job=job,
        full_refresh=results.full_refresh,
        dbt_version=results.dbt_version,
    )


def _events(
    manifest: Manifest, results: RunResults | None, maker: EventBuilder, invocation: Invocation
) -> Iterator[Event]:
    by_id = results.by_id if results else {}
    if results and results.ran:
        yield _whole("START", _started_at(manifest, results), maker, invocation)
    for unique_id in manifest.stored():
        result = by_id.get(unique_id)
        if result is not None and result.ran:
            yield from _node(unique_id, result, maker)
        elif _is_declared(unique_id, result, results):
            inputs, outputs = maker.inputs(unique_id), maker.outputs(unique_id)
            yield job_event(manifest.generated_at, maker.job(unique_id), inputs, outputs)
    yield from data_tests.events(manifest, maker, results)
    yield from skipped_nodes.events(manifest, maker, by_id, manifest.stored())
    if results and results.ran:
        more = _error(results.error) if results.error else {}
        yield _whole("FAIL" if _has_failed(results) else "COMPLETE", results.generated_at, maker, invocation, more)


def _has_failed(results: RunResults) -> bool:
    return bool(results.stamped) or any(result.ran and result.state == "FAIL" for result in results.by_id.values())


def _is_declared(unique_id: str, result: Result | None, results: RunResults | None) -> bool:
    """True for a node of which only the definition is known; a skipped node has a result."""
    if result is None:
        return results is None or unique_id not in results.stamped
    return result.status == REUSED or not result.is_known


def _started_at(manifest: Manifest, results: RunResults) -> str:
    """Returns dbt's start: from the manifest of the same invocation, else that of its first node."""
    times = [results.generated_at, *(result.started_at for result in results.by_id.values() if result.ran)]
    if manifest.invocation_id == results.invocation_id:
        times.append(manifest.started_at or manifest.generated_at)
    return earliest(times)


def _whole(
    state: str, time: str, maker: EventBuilder, invocation: Invocation, more: facets.Facets | None = None
) -> Event:
    run = {"runId": invocation.run_id, "facets": maker.engine() | (more or {})}
    return run_event(state, time, run, _job_of_run(invocation))


def _job_of_run(invocation: Invocation) -> Event:
    namespace, name = invocation.job
    return {"namespace": namespace, "name": name, "facets": facets.job_type("JOB")}


def _node(unique_id: str, result: Result, maker: EventBuilder) -> Iterator[Event]:
    run, job = maker.run(unique_id, _of_run(result, maker)), maker.job(unique_id)
    inputs, outputs = maker.inputs(unique_id), maker.outputs(unique_id, result)
    yield run_event("START", result.started_at, run, job, inputs, outputs)
    # A failed run has no outputs.
    yield run_event(result.state, result.ended_at, run, job, inputs, outputs if result.state == "COMPLETE" else [])


def _error(message: str) -> facets.Facets:
    return facets.facet("errorMessage", message=message, programmingLanguage="sql")


def _of_run(result: Result, maker: EventBuilder) -> facets.Facets:
    found: facets.Facets = {}
    query = result.response.get("query_id")
    if isinstance(query, str) and query.lower() != "n/a":
        found |= facets.facet("externalQuery", externalQueryId=query, source=maker.namespace)
    if result.state == "FAIL" and result.message:
        found |= _error(result.message)
    return found
