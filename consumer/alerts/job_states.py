"""The state of each job that writes datasets: its last completed run, its usual interval, and since when it fails.

A job is read again only if its token has changed, so an evaluation asks for the tokens of all jobs and for the runs of
those that ran meanwhile.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final, NamedTuple

from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName
from consumer.query.runs import FAILED, Run, recent
from schemas.naming import DatasetName

PAGE: Final = 500
AT_ONCE: Final = 50
"""Jobs whose runs are read at once: each may have hundreds."""

RUNS: Final = 60
"""Runs of a job that are looked at."""

LEAST_GAPS: Final = 3
"""Gaps between completed runs from which an interval is learnt."""

LEAST_GAP_S: Final = 60.0
"""Completed runs that are closer are one arrival: retries, and models that are built twice."""

USUAL: Final = 3
"""Times that a long gap has to occur to be usual, as a weekend is, and two outages are not."""

MARGIN: Final = 1.25
"""Factor on the longest gap that is usual."""


class JobState(NamedTuple):
    """State of a job by its runs.

    Attributes:
        job: The job.
        outputs: The datasets that it writes, sorted.
        completed: Its last completed run; None if there is none.
        interval_s: The usual time between two completed runs, in seconds; None if it is not learnt yet.
        longest_s: The longest gap that is usual, with its margin, in seconds.
        failing: The first failed run since the last completed one; None if it does not fail.
        latest: Its latest run.
    """

    job: JobName
    outputs: tuple[DatasetName, ...] = ()
    completed: Run | None = None
    interval_s: float | None = None
    longest_s: float = 0.0
    failing: Run | None = None
    latest: Run | None = None


def state_of(job: JobName, outputs: Iterable[DatasetName], runs: Sequence[Run]) -> JobState:
    """Computes the state of a job.

    Args:
        job: The job.
        outputs: The datasets that it writes.
        runs: Its latest runs, newest first.
    """
    completed = [run for run in runs if run.state == "COMPLETE" and run.ended_at]
    last = completed[0] if completed else None
    since = [run for run in runs if last is None or run.time > last.time]
    ended = [run for run in since if run.ended_at]
    failing = ended[-1] if ended and ended[0].state in FAILED else None
    gaps = _gaps(completed)
    return JobState(
        job,
        tuple(sorted(outputs)),
        last,
        statistics.median(gaps) if len(gaps) >= LEAST_GAPS else None,
        sorted(gaps)[-USUAL] * MARGIN if len(gaps) >= LEAST_GAPS else 0.0,
        failing,
        runs[0] if runs else None,
    )


def seconds(time: str) -> float:
    """Returns an event's time in seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()


def _gaps(completed: Sequence[Run]) -> list[float]:
    """Returns the gaps between arrivals, newest first."""
    moments = [seconds(run.ended_at) for run in completed]
    return [later - earlier for later, earlier in pairwise(moments) if later - earlier >= LEAST_GAP_S]


class JobStates:
    """Keeps the states of all jobs of a graph.

    Args:
        store: The graph.
    """

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._tokens: dict[str, str] = {}
        self._states: dict[JobName, JobState] = {}

    def refresh(self) -> Mapping[JobName, JobState]:
        """Reads the jobs that changed; returns the states of all.

        Raises:
            TransientError: The store can't serve now.
        """
        tokens: dict[str, str] = {}
        for page in self._pages():
            known = self._store.read(page, ("rev",))
            tokens |= {id_: str(properties.get("rev", "")) for id_, properties in known.items()}
        changed = [id_ for id_, token in tokens.items() if self._tokens.get(id_) != token]
        for begin in range(0, len(changed), AT_ONCE):
            self._read(changed[begin : begin + AT_ONCE])
        for gone in self._tokens.keys() - tokens.keys():
            self._states.pop(ids.job_name(gone), None)
        self._tokens = tokens
        return self._states

    def _pages(self) -> Iterator[list[str]]:
        last = ""
        while page := self._store.ids(schema.JOB, last, PAGE):
            yield page
            last = page[-1]

    def _read(self, changed: Collection[str]) -> None:
        jobs = [ids.job_name(id_) for id_ in changed]
        written: dict[JobName, set[DatasetName]] = {job: set() for job in jobs}
        for edge in self._store.edges_at(list(changed), schema.WRITES, "out"):
            written[ids.job_name(edge.source)].add(ids.dataset_name(edge.target))
        runs = recent(self._store, jobs, RUNS)
        for job in jobs:
            self._states[job] = state_of(job, written[job], runs.get(job, ()))
