"""Data that stopped arriving: a job without a completed run for twice its usual interval.

The interval is the median of the gaps between the job's completed runs. A gap that occurs regularly, such as a weekend,
is waited for as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from consumer.alerts.alert import Finding
from consumer.alerts.declarations import SEVERITIES, Rule
from consumer.alerts.job_states import JobState, seconds
from consumer.alerts.rules.evaluation_round import Round
from schemas.naming import last_part

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def silent_jobs(rule: Rule, judged: Round) -> Iterator[Finding]:
    """Finds jobs that are overdue, one finding for each."""
    for state in judged.jobs.values():
        if state.outputs and rule.judges(state.outputs[0]) and _is_overdue(rule, state, judged.now):
            yield _finding(rule, state)


def _is_overdue(rule: Rule, state: JobState, now: float) -> bool:
    if state.completed is None or state.interval_s is None:
        return False
    patience = max(rule.intervals * state.interval_s, state.longest_s, rule.least_s)
    return now - seconds(state.completed.ended_at) > patience


def _finding(rule: Rule, state: JobState) -> Finding:
    last, interval = state.completed, state.interval_s
    if last is None or interval is None:
        raise ValueError(f"{state.job} has no interval")
    subject = state.outputs[0]
    return Finding(
        rule.name,
        rule.kind,
        rule.severity or SEVERITIES[rule.kind],
        subject,
        (last.key.id,),
        f"{last_part(subject)} stopped arriving: it used to be written about every {spelled_span(interval)}",
        last.ended_at,
        job=state.job,
        run=last.key.id,
        details={
            "last_completed": last.ended_at,
            "interval_s": round(interval),
            "datasets": [f"{name.namespace}/{name.name}" for name in state.outputs],
        },
        lasts=True,
    )


def spelled_span(span_s: float) -> str:
    """Writes a span for people: `24 h`, `7 d`, `15 min`, `40 s`."""
    for size, unit in _UNITS:
        if span_s >= 1.5 * size:
            return f"{span_s / size:.3g} {unit}"
    return f"{span_s:.0f} s"
