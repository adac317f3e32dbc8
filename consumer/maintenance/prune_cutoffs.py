"""Event times before which a prune removes runs: by this machine's clock, as far as the graph's own events confirm it.

On a machine whose clock is a year ahead every run is old. The newest event of a graph comes from other machines, and
events from the future are rejected, so the present is at most a while after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from consumer.graph import facts_codec, schema
from consumer.graph.store import GraphStore
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.delta import JobFacts
from consumer.maintenance.leased_task import PAGE, Scan
from consumer.processing.event_time import require_past_time

DAY_S: Final = 86_400.0

UNENDED_TIMES: Final = 2
"""Factor of the age at which a run without an end is removed: it may continue, and needs its facts then."""

CONFIRMED_FOR_S: Final = DAY_S
"""Seconds after the newest event within which a clock counts as right."""


def format_event_time(seconds: float) -> str:
    """Returns a time in the format of events, which sorts as a string (`schemas.timestamps`).

    Args:
        seconds: Seconds since 1970; a negative number counts as 0.
    """
    return datetime.fromtimestamp(max(seconds, 0.0), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Cutoffs(NamedTuple):
    """Event times before which runs are old.

    Attributes:
        before: That of runs that have ended.
        unended_before: That of runs that have not.
        newest: The time of the newest event, where ages are counted from it since the clock is far ahead; else None.
    """

    before: str
    unended_before: str
    newest: str | None = None


def cutoffs(store: GraphStore, now: float, age_s: float) -> Cutoffs:
    """Returns the cutoffs of runs that are older than an age.

    Args:
        store: The graph.
        now: The time of this machine, in seconds since 1970.
        age_s: The age, in seconds.

    Raises:
        UsageError: They are in the future.
        TransientError: The store can't serve now.
    """
    require_past_time(format_event_time(now - age_s), format_event_time(now))
    newest = _newest(store, format_event_time(now - CONFIRMED_FOR_S))
    confirmed = now if newest is None else datetime.fromisoformat(newest).timestamp() + CONFIRMED_FOR_S
    present = min(now, confirmed)
    ended, going_on = (format_event_time(present - age) for age in (age_s, UNENDED_TIMES * age_s))
    return Cutoffs(ended, going_on, newest if present < now else None)


def _newest(store: GraphStore, enough: str) -> str | None:
    """Returns the time of the newest execution of any job, or of one that is new enough; None if there is none."""
    newest: str | None = None
    scan, last = Scan(store, schema.JOB, PAGE), ""
    while page := scan.after(last):
        last = page[-1]
        for properties in store.read(page, facts_codec.KEYS).values():
            newest = max([newest or "", *_times(facts_codec.load_job(unpacked(properties)))]) or None
        if newest is not None and newest >= enough:
            return newest
    return newest


def _times(job: JobFacts) -> Iterator[str]:
    """Yields the times of a job's executions that are current, and of its latest one."""
    ran = job.ran
    found = [ran.latest, job.declared.execution if job.declared is not None else None, *ran.unfinished.values()]
    yield from (execution.time for execution in found if execution is not None)
    if ran.finished is not None:
        yield ran.finished.time
