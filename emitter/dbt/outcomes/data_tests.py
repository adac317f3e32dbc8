"""dbt's tests, as assertions about the datasets that they test, and never as datasets of their own.

In the shape of dbt-ol 1.54: the generic tests of one table are one run, a singular test is its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from emitter.dbt import node_facets as facets
from emitter.dbt.artifact_times import earliest, latest
from emitter.dbt.manifest import Manifest, Node, config_of
from emitter.dbt.node_events import Event, EventBuilder, job_event, run_event
from emitter.dbt.outcomes.run_results import Result, RunResults

TEST = "TEST"


def _by_table(manifest: Manifest, ran: Iterable[Result]) -> dict[str, list[Result]]:
    about: defaultdict[str, list[Result]] = defaultdict(list)
    for result in ran:
        if tested := manifest.tested(result.unique_id):
            about[tested].append(result)
    return about


def events(manifest: Manifest, maker: EventBuilder, results: RunResults | None) -> Iterator[Event]:
    """Yields the events of all tests of a project: runs of those with a result, jobs of the others."""
    told = [results.by_id[id_] for id_ in manifest.tests() if results and id_ in results.by_id]
    ran = [result for result in told if result.ran]
    for tested, found in sorted(_by_table(manifest, ran).items()):
        yield from of_table(manifest, maker, tested, found, results.command if results else None)
    for result in ran:
        yield from singular(manifest, maker, result)
    known = {result.unique_id for result in told if result.is_known} | (results.stamped if results else set())
    for unique_id in manifest.tests():
        if unique_id not in known and manifest.parents(unique_id):
            yield job_event(manifest.generated_at, maker.job(unique_id, TEST), maker.inputs(unique_id, bare=True))


def of_table(
    manifest: Manifest, maker: EventBuilder, tested: str, found: list[Result], command: str | None
) -> tuple[Event, Event]:
    """Returns the start and the end of the run that all tests of a table share.

    Args:
        manifest: The project.
        maker: Makes the parts of events.
        tested: The table.
        found: What its tests have found, one at least.
        command: dbt's.
    """
    ordered = sorted(found, key=lambda result: result.unique_id)
    made = [assertion(manifest.nodes[result.unique_id], result) for result in ordered]
    facet = facets.facet("dataQualityAssertions", assertions=made)
    dataset = maker.tested(tested, ordered[0].unique_id)
    # In both places, as dbt-ol does for the sake of older readers.
    dataset |= {"facets": dataset["facets"] | facet, "inputFacets": facet}
    job = maker.job(tested, TEST, ".build.test" if command == "build" else ".test")
    fine = all(item["success"] or item.get("severity") == "warn" for item in made)
    run = maker.run(f"{tested}.test")
    started, ended = earliest(each.started_at for each in found), latest(each.ended_at for each in found)
    state = "COMPLETE" if fine else "FAIL"
    return run_event("START", started, run, job, [dataset]), run_event(state, ended, run, job, [dataset])


def singular(manifest: Manifest, maker: EventBuilder, result: Result) -> Iterator[Event]:
    """Yields the start and the end of a singular test's own run; nothing of a generic test."""
    node = manifest.nodes[result.unique_id]
    if node.get("test_metadata") is not None:
        return
    severity = str(config_of(node).get("severity") or "error").lower()
    told = {
        "name": result.unique_id,
        "status": "pass" if result.status == "pass" else "fail",
        "severity": severity,
        **_counted(node, result, severity),
    }
    run = maker.run(result.unique_id, facets.facet("test", tests=[told]))
    job = maker.job(result.unique_id, TEST)
    inputs = maker.inputs(result.unique_id, bare=True)
    yield run_event("START", result.started_at, run, job, inputs)
    yield run_event(result.state, result.ended_at, run, job, inputs)


def assertion(node: Node, result: Result) -> dict[str, Any]:
    """Returns the assertion of a test on the tested table."""
    metadata = node.get("test_metadata") or {}
    severity = str(config_of(node).get("severity") or "").lower()
    found = {
        "assertion": metadata.get("name") or node.get("name"),
        "name": node.get("name"),
        "success": result.status == "pass",
        "column": (metadata.get("kwargs") or {}).get("column_name") or node.get("column_name"),
        "severity": severity or None,
        **_counted(node, result, severity),
    }
    return {key: value for key, value in found.items() if value is not None}


def _counted(node: Node, result: Result, severity: str) -> dict[str, str]:
    """Returns the number of rows that a test found, and the limit."""
    if result.failures is None:
        return {}
    limit = str(config_of(node).get("warn_if" if severity == "warn" else "error_if") or "!= 0")
    return {"actual": str(result.failures), "expected": "0" if limit.replace(" ", "") == "!=0" else limit}
