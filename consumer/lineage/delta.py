"""Facts: what events say of runs, jobs and datasets, in values that only grow.

Every kind of facts has a join that is associative, commutative and idempotent, so facts may arrive in any order, any
number of times, cut into any batches (the design's first law). What was said is never unsaid: lineage, which does take
edges away, is a view of these facts (`views.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from consumer.lineage.current import Current, join_current
from consumer.lineage.registers import Registers, join_registers
from schemas.naming import DatasetName


class JobName(NamedTuple):
    """A job's key: its namespace, and its dbt unique id where it has one, else its name."""

    namespace: str
    name: str


class State(NamedTuple):
    """A run's state; the greater one stays.

    Attributes:
        rank: 0 for OTHER, 1 for START, 2 for RUNNING, 3 for a terminal state.
        time: When it was said. Between two terminal states the later one wins.
        name: OpenLineage's eventType.
    """

    rank: int
    time: str
    name: str


RANKS = {"OTHER": 0, "START": 1, "RUNNING": 2, "COMPLETE": 3, "FAIL": 3, "ABORT": 3}
TERMINAL = 3


@dataclass(slots=True, frozen=True)
class RunFacts:
    """What was said of one run.

    Attributes:
        jobs: Every job that the run was said to be of, with the stamp of the latest word; the greatest one owns it.
        state: The greatest state, or None for a run that is only known as somebody's parent.
        started_at: The least time of a START.
        seen_at: The least time of a START or RUNNING.
        ended_at: The greatest time of a terminal event.
        inputs: Datasets read, over all of its events.
        outputs: Datasets written, over all of its events.
        facets: The run's own facets.
        carried: Facets of its outputs, which count once it has completed.
    """

    jobs: dict[JobName, str] = field(default_factory=dict)
    state: State | None = None
    started_at: str | None = None
    seen_at: str | None = None
    ended_at: str | None = None
    inputs: frozenset[DatasetName] = frozenset()
    outputs: frozenset[DatasetName] = frozenset()
    facets: Registers = field(default_factory=dict)
    carried: dict[DatasetName, Registers] = field(default_factory=dict)

    @property
    def owner(self) -> JobName | None:
        """The job that the run is of."""
        return max(self.jobs, key=lambda job: (self.jobs[job], job)) if self.jobs else None

    @property
    def completed(self) -> bool:
        """Whether its lineage counts."""
        return self.state is not None and self.state.name == "COMPLETE"

    @property
    def unfinished(self) -> bool:
        """Whether it has started and not ended."""
        return self.state is not None and 0 < self.state.rank < TERMINAL


@dataclass(slots=True, frozen=True)
class JobFacts:
    """What was said of one job.

    Attributes:
        names: The names that events give it (dbt's `run`, `build` and structured logs each give another one).
        facets: The job's own facets.
        declared: What its JobEvents say.
        ran: What its runs say; derived from them.
    """

    names: frozenset[str] = frozenset()
    facets: Registers = field(default_factory=dict)
    declared: Current = field(default_factory=Current)
    ran: Current = field(default_factory=Current)


class Output(NamedTuple):
    """A dataset as a job names it when it writes it."""

    job: JobName
    name: DatasetName


class Written(NamedTuple):
    """What a job says of an output.

    Attributes:
        revision: The revision of the job's facts that says so; the greatest one replaces the others.
        facets: The facets of the job's completed runs.
    """

    revision: int
    facets: Registers


@dataclass(slots=True, frozen=True)
class NameFacts:
    """What was said of a dataset under one of its names.

    Attributes:
        spellings: The name as events spell it, where that is not the canonical form.
        links: Names that are linked with this one directly.
        members: Names known to be of one dataset with this one, itself included once it is linked.
        preferred: Whether configuration says that this is the name to show.
        heard: Facets that count at once: those of inputs and of DatasetEvents.
        written: What the jobs that write it say.
    """

    spellings: frozenset[DatasetName] = frozenset()
    links: frozenset[DatasetName] = frozenset()
    members: frozenset[DatasetName] = frozenset()
    preferred: bool = False
    heard: Registers = field(default_factory=dict)
    written: dict[Output, Written] = field(default_factory=dict)


class Problem(NamedTuple):
    """Something in an event that was left out, with the reason."""

    path: str
    reason: str


@dataclass(slots=True)
class Delta:
    """Facts of one event or of many.

    Attributes:
        runs: By run id.
        jobs: By key.
        names: By canonical name.
        contents: Texts of long values by reference.
        problems: What was left out.
    """

    runs: dict[str, RunFacts] = field(default_factory=dict)
    jobs: dict[JobName, JobFacts] = field(default_factory=dict)
    names: dict[DatasetName, NameFacts] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def least(one: str | None, other: str | None) -> str | None:
    """The lesser of two times, of which either may be missing."""
    return other if one is None else one if other is None else min(one, other)


def greatest(one: str | None, other: str | None) -> str | None:
    """The greater of two times, of which either may be missing."""
    return other if one is None else one if other is None else max(one, other)


def _join_carried(
    one: dict[DatasetName, Registers], other: dict[DatasetName, Registers]
) -> dict[DatasetName, Registers]:
    joined = dict(one)
    for name, registers in other.items():
        joined[name] = join_registers(joined.get(name, {}), registers)
    return joined


def join_runs(one: RunFacts, other: RunFacts) -> RunFacts:
    """All that both say of one run."""
    jobs = dict(one.jobs)
    for job, stamp in other.jobs.items():
        jobs[job] = max(stamp, jobs.get(job, ""))
    states = [state for state in (one.state, other.state) if state is not None]
    return RunFacts(
        jobs=jobs,
        state=max(states) if states else None,
        started_at=least(one.started_at, other.started_at),
        seen_at=least(one.seen_at, other.seen_at),
        ended_at=greatest(one.ended_at, other.ended_at),
        inputs=one.inputs | other.inputs,
        outputs=one.outputs | other.outputs,
        facets=join_registers(one.facets, other.facets),
        carried=_join_carried(one.carried, other.carried),
    )


def join_jobs(one: JobFacts, other: JobFacts) -> JobFacts:
    """All that both say of one job, but for `ran`, which is `one`'s: it is derived, see `current.absorb`."""
    return JobFacts(
        names=one.names | other.names,
        facets=join_registers(one.facets, other.facets),
        declared=join_current(one.declared, other.declared),
        ran=one.ran,
    )


def join_written(one: Mapping[Output, Written], other: Mapping[Output, Written]) -> dict[Output, Written]:
    """For each output its job's latest word."""
    joined = dict(one)
    for output, written in other.items():
        if output not in joined or written.revision > joined[output].revision:
            joined[output] = written
    return joined


@lru_cache(maxsize=16)
def join_members(one: frozenset[DatasetName], other: frozenset[DatasetName]) -> frozenset[DatasetName]:
    """All members that both tell of: for each name of a dataset the same two sets, and then the same result."""
    joined = one | other
    return one if joined == one else other if joined == other else joined


def join_names(one: NameFacts, other: NameFacts) -> NameFacts:
    """All that both say of one name."""
    if one is other:
        return one
    return NameFacts(
        spellings=one.spellings | other.spellings,
        links=one.links | other.links,
        members=join_members(one.members, other.members),
        preferred=one.preferred or other.preferred,
        heard=join_registers(one.heard, other.heard),
        written=join_written(one.written, other.written) if other.written else one.written,
    )


def merge(into: Delta, delta: Delta) -> None:
    """Adds the facts of a delta to those of another, in place."""
    for run, run_facts in delta.runs.items():
        known_run = into.runs.get(run)
        into.runs[run] = run_facts if known_run is None else join_runs(known_run, run_facts)
    for job, job_facts in delta.jobs.items():
        known_job = into.jobs.get(job)
        into.jobs[job] = job_facts if known_job is None else join_jobs(known_job, job_facts)
    for name, name_facts in delta.names.items():
        known_name = into.names.get(name)
        into.names[name] = name_facts if known_name is None else join_names(known_name, name_facts)
    into.contents.update(delta.contents)
    into.problems.extend(delta.problems)
