"""Backfill: from what dbt left on disk to the events that a run of dbt-ol would have sent. Pure, and so repeatable.

Run ids come from dbt's invocation id and a node's unique id, times from the artifacts, so the same files give the same
events: folding them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emitter import dbt_facets as facets
from emitter import dbt_tests
from emitter.adapters import Place, default_place, place_of, scheme_of
from emitter.dbt_events import Event, EventMaker, Invocation, run_event
from emitter.errors import ArtifactError
from emitter.keys import message_key
from emitter.manifest import Manifest
from emitter.run_results import Result, RunResults

__all__ = [
    "ArtifactError",
    "Artifacts",
    "Event",
    "Manifest",
    "Place",
    "Refine",
    "RunResults",
    "default_place",
    "events",
    "message_key",
    "place_of",
    "scheme_of",
]

Refine = Callable[[Event], Event]
"""Makes an event more precise: its column lineage, above all."""

JOB_NAMESPACE = "dbt"
"""What dbt-ol takes where OPENLINEAGE_NAMESPACE is not set."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """What dbt left of one project.

    Attributes:
        manifest: The project.
        results: What became of its nodes in one invocation.
        catalog: The parsed catalog.json.
    """

    manifest: Manifest
    results: RunResults | None = None
    catalog: Mapping[str, Any] | None = None


def events(
    artifacts: Artifacts, place: Place, *, job_namespace: str = JOB_NAMESPACE, refine: Refine | None = None
) -> Iterator[Event]:
    """The events of one project, the run of dbt itself around those of its nodes.

    A node that the results name has the state and the times that they tell; one that was skipped has no event. Of any
    other the manifest is the only witness: it counts as made when the manifest was written.

    Args:
        artifacts: What dbt left.
        place: Where the project's datasets are.
        job_namespace: The namespace of its jobs.
        refine: Applied to every event.
    """
    manifest, results = artifacts.manifest, artifacts.results
    invocation = Invocation(
        id=(results.invocation_id if results else None) or manifest.invocation_id,
        command=(results.command if results else None) or "build",
        job=(job_namespace, f"dbt-run-{manifest.project}"),
        full_refresh=results.full_refresh if results else None,
    )
    maker = EventMaker(manifest, place, invocation, artifacts.catalog)
    for event in _events(artifacts, maker, invocation):
        yield refine(event) if refine else event


def _events(artifacts: Artifacts, maker: EventMaker, invocation: Invocation) -> Iterator[Event]:
    manifest, results = artifacts.manifest, artifacts.results
    told = results.by_id if results else {}
    ended = results.generated_at if results and told else manifest.generated_at
    # A manifest that was written anew since, by `dbt docs generate`, is younger than the results.
    yield _whole("START", min(manifest.generated_at, ended), maker, invocation)
    for unique_id in manifest.stored():
        result = told.get(unique_id)
        if result is None or result.ran:
            yield from _node(unique_id, result, maker, manifest)
    yield from dbt_tests.events(manifest, maker, results)
    failed = any(result.ran and result.state == "FAIL" for result in told.values())
    yield _whole("FAIL" if failed else "COMPLETE", ended, maker, invocation)


def _whole(state: str, time: str, maker: EventMaker, invocation: Invocation) -> Event:
    namespace, name = invocation.job
    job = {"namespace": namespace, "name": name, "facets": facets.job_type("JOB")}
    return run_event(state, time, {"runId": invocation.run_id, "facets": maker.engine()}, job)


def _node(unique_id: str, result: Result | None, maker: EventMaker, manifest: Manifest) -> Iterator[Event]:
    started = result.started_at if result else manifest.generated_at
    ended = result.ended_at if result else manifest.generated_at
    state = result.state if result else "COMPLETE"
    run, job = maker.run(unique_id, _of_run(result, maker)), maker.job(unique_id)
    inputs, output = maker.inputs(unique_id), maker.output(unique_id, result)
    yield run_event("START", started, run, job, inputs, [output])
    # A run that failed has written nothing that could be told.
    yield run_event(state, ended, run, job, inputs, [output] if state == "COMPLETE" else [])


def _of_run(result: Result | None, maker: EventMaker) -> facets.Facets:
    if result is None:
        return {}
    found: facets.Facets = {}
    query = result.response.get("query_id")
    if isinstance(query, str) and query.lower() != "n/a":
        found |= facets.facet("externalQuery", externalQueryId=query, source=maker.namespace)
    if result.state == "FAIL" and result.message:
        found |= facets.facet("errorMessage", message=result.message, programmingLanguage="sql")
    return found
