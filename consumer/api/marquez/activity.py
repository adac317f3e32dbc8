"""Activity: the last state of each job, the latest runs, and how many began and ended in each quarter of an hour.

It is made by reading all runs, with three properties of each; its size goes with the number of jobs, not of runs.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName, RunKey

PAGE = 1_000
"""Runs that are read at once."""

MOST_RECENT = 10_000
"""Runs that are remembered one by one."""

QUARTER_S = 900
"""Seconds of one interval: every time zone is a whole number of them ahead of UTC."""

QUARTERS = 9 * 96
"""Intervals that are remembered, back from the latest run: nine days."""

_KEYS = ("state", "started_at", "ended_at")


class Moment(NamedTuple):
    """A run at its latest event; the greater, the later.

    Attributes:
        time: RFC 3339, UTC; empty where unknown.
        key: The run.
        state: Its state.
        started_at: When it started; empty where unknown.
    """

    time: str
    key: RunKey
    state: str
    started_at: str


@dataclass(slots=True)
class Activity:
    """The runs of a graph.

    Attributes:
        last: The latest run of each job.
        first: When the first known run of each job began.
        recent: The latest runs, newest first.
        counts: By interval (seconds since 1970, divided by `QUARTER_S`) how many runs began or ended, by state.
    """

    last: dict[JobName, Moment] = field(default_factory=dict)
    first: dict[JobName, str] = field(default_factory=dict)
    recent: Sequence[Moment] = ()
    counts: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def newest_first(self, jobs: Iterable[JobName]) -> list[JobName]:
        """Sorts jobs by their latest run; those that never ran come last, by name."""
        by_name = sorted(jobs)
        ran = sorted((job for job in by_name if job in self.last), key=lambda job: self.last[job], reverse=True)
        return ran + [job for job in by_name if job not in self.last]


def activity(store: GraphStore) -> Activity:
    """Reads all runs.

    Raises:
        TransientError: The store can't serve now.
    """
    found = Activity()
    found.recent = heapq.nlargest(MOST_RECENT, _counted(store, found))
    for quarter in sorted(found.counts)[:-QUARTERS]:
        del found.counts[quarter]
    return found


def _counted(store: GraphStore, found: Activity) -> Iterator[Moment]:
    last = ""
    while page := store.ids(schema.RUN, last, PAGE):
        last = page[-1]
        for id_, properties in store.read(page, _KEYS).items():
            state, started_at, ended_at = (str(properties.get(key) or "") for key in _KEYS)
            moment = Moment(ended_at or started_at, ids.run_key(id_), state, started_at)
            if not moment.time:
                continue  # only known as the parent of another run
            _count(found, moment, ended_at)
            yield moment


def _count(found: Activity, moment: Moment, ended_at: str) -> None:
    job = moment.key.job
    found.last[job] = max(moment, found.last.get(job, moment))
    began = moment.started_at or moment.time
    found.first[job] = min(began, found.first.get(job, began))
    if moment.started_at:
        found.counts[quarter_of(moment.started_at)]["START"] += 1
    if ended_at:
        found.counts[quarter_of(ended_at)][moment.state] += 1


def quarter_of(time: str) -> int:
    """Returns the interval of a time."""
    return int(datetime.fromisoformat(time).timestamp()) // QUARTER_S
