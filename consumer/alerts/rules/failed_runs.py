"""A failed run whose output somebody waits for."""

from __future__ import annotations

from collections.abc import Iterator

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.job_states import JobState
from consumer.alerts.rules.evaluation_round import Round
from consumer.graph import ids, schema
from consumer.query.runs import Run
from schemas.naming import DatasetName, last_part


def failed_runs(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds jobs that fail since their last completed run, one finding for each."""
    failing = [state for state in judged.jobs.values() if state.failing is not None and state.outputs]
    read = _read(judged, failing)
    for state in failing:
        waited = [name for name in state.outputs if name in read and rule.judges(name)]
        if waited and state.failing is not None:
            yield _finding(rule, state, state.failing, waited)


def _read(judged: Round, failing: list[JobState]) -> set[DatasetName]:
    """Returns the outputs of jobs that a dataset or an exposure is made from."""
    at = sorted({ids.dataset(name) for state in failing for name in state.outputs})
    edges = judged.store.edges_at(at, schema.EDGE, "out") if at else []
    return {ids.dataset_name(edge.source) for edge in edges if edge.source != edge.target}


def _finding(rule: Rule, state: JobState, failing: Run, waited: list[DatasetName]) -> Finding:
    error = (state.latest.error if state.latest else "") or failing.error
    first = error.strip().partition("\n")[0]
    word = "failed" if failing.state == "FAIL" else "was aborted"
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        waited[0],
        (failing.key.id,),
        f"the run that writes {last_part(waited[0])} {word}" + (f": {first[:200]}" if first else ""),
        failing.time,
        job=state.job,
        run=failing.key.id,
        details={
            "state": failing.state,
            "error": error[:1_000],
            "last_completed": state.completed.ended_at if state.completed else None,
            "datasets": [f"{name.namespace}/{name.name}" for name in waited],
        },
        lasts=True,
    )
