"""Facts: what events say of runs, jobs and datasets.

The facts of runs and jobs, and the registers of names, have a join that is associative, commutative and idempotent, so
they may arrive in any order, any number of times, cut into any batches (the design's first law). What follows from
them and can be taken back again is a projection, computed by `current.py`, `outputs.py` and `views.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from consumer.lineage.current import Current, Declared, join_declared
from consumer.lineage.keys import JobName, OutputKey, RunKey
from consumer.lineage.outputs import CarriedFacets, Winner, join_facets
from consumer.lineage.registers import Register, Registers, join_registers, later
from consumer.lineage.state import RANKS, TERMINAL, Snapshot, State
from schemas.naming import DatasetName

__all__ = ["RANKS", "TERMINAL", "JobName", "OutputKey", "RunKey", "Snapshot", "State"]


@dataclass(slots=True, frozen=True)
class RunFacts:
    """Facts of one run.

    Attributes:
        said_at: The greatest time of its events; None for a run that is only known as a parent.
        state: The greatest state.
        started_at: The least time of a START.
        seen_at: The least time of a START or RUNNING.
        ended_at: The greatest time of a terminal event.
        inputs: Datasets read, over all of its events.
        outputs: Datasets written, over all of its events.
        facets: The run's own facets.
        carried: Facets of its outputs, which count once it has completed.
        snapshot: For a streaming job, the datasets of the newest event, which replace those of older events.
        parents: The groups that it was ever said to be in (`current.group_of`); the latest word counts.
    """

    said_at: str | None = None
    state: State | None = None
    started_at: str | None = None
    seen_at: str | None = None
    ended_at: str | None = None
    inputs: frozenset[DatasetName] = frozenset()
    outputs: frozenset[DatasetName] = frozenset()
    facets: Registers = field(default_factory=dict)
    carried: dict[DatasetName, Registers] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    parents: frozenset[str] = frozenset()

    @property
    def known(self) -> bool:
        """True if an event was about this run itself, not only about a child of it."""
        return self.said_at is not None


@dataclass(slots=True, frozen=True)
class RunDataset:
    """What a streaming run has done to one dataset, over all of its events.

    Attributes:
        read: True if it was an input.
        written: True if it was an output.
        carried: The facets that the run carried for it.
    """

    read: bool = False
    written: bool = False
    carried: Registers = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class JobFacts:
    """Facts of one job, and what follows from its runs.

    Attributes:
        names: The names that events give it (dbt's `run`, `build` and structured logs each give another one).
        facets: The job's own facets.
        declared: The latest JobEvent.
        ran: The executions that are current; a projection of its runs.
    """

    names: frozenset[str] = frozenset()
    facets: Registers = field(default_factory=dict)
    declared: Declared | None = None
    ran: Current = field(default_factory=Current)


@dataclass(slots=True, frozen=True)
class NameFacts:
    """Facts of a dataset under one of its names.

    Attributes:
        spellings: The name as events spell it, where that is not the canonical form.
        links: The names of its latest symlinks facet, as JSON.
        linked_with: Names that a symlinks facet has ever linked it with, in either direction; `links` says which still
            are.
        same: Names that configuration links it with.
        preferred: True if configuration prefers this name as the one to show.
        used: True if an event names it for something else than to drop it.
        heard: Facets that count at once: those of inputs and of DatasetEvents.
        written: Of each facet the greatest that a completed run carried; a projection of the outputs of jobs.
    """

    spellings: frozenset[DatasetName] = frozenset()
    links: Register | None = None
    linked_with: frozenset[DatasetName] = frozenset()
    same: frozenset[DatasetName] = frozenset()
    preferred: bool = False
    used: bool = False
    heard: Registers = field(default_factory=dict)
    written: dict[str, Winner] = field(default_factory=dict)


class Problem(NamedTuple):
    """Something in an event that was left out, with the reason."""

    path: str
    reason: str


@dataclass(slots=True)
class Delta:
    """Facts of one event or of many.

    Attributes:
        runs: By job and run id.
        jobs: By key.
        names: By canonical name.
        declared: Facets that JobEvents carry for outputs, by job and name.
        contents: Texts of long values by reference.
        problems: What was left out.
    """

    runs: dict[RunKey, RunFacts] = field(default_factory=dict)
    jobs: dict[JobName, JobFacts] = field(default_factory=dict)
    names: dict[DatasetName, NameFacts] = field(default_factory=dict)
    declared: dict[OutputKey, CarriedFacets] = field(default_factory=dict)
    contents: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def least(one: str | None, other: str | None) -> str | None:
    """The lesser of two times, of which either may be missing."""
    return other if one is None else one if other is None else min(one, other)


def greatest(one: str | None, other: str | None) -> str | None:
    """The greater of two times, of which either may be missing."""
    return other if one is None else one if other is None else max(one, other)


def _join_by_output(
    one: dict[DatasetName, Registers], other: dict[DatasetName, Registers]
) -> dict[DatasetName, Registers]:
    if not other:
        return one
    joined = dict(one)
    for name, registers in other.items():
        joined[name] = join_registers(joined.get(name, {}), registers)
    return joined


def join_runs(one: RunFacts, other: RunFacts) -> RunFacts:
    """The facts of both about one run."""
    states = [state for state in (one.state, other.state) if state is not None]
    snapshots = [snapshot for snapshot in (one.snapshot, other.snapshot) if snapshot is not None]
    return RunFacts(
        said_at=greatest(one.said_at, other.said_at),
        state=max(states) if states else None,
        started_at=least(one.started_at, other.started_at),
        seen_at=least(one.seen_at, other.seen_at),
        ended_at=greatest(one.ended_at, other.ended_at),
        inputs=one.inputs | other.inputs,
        outputs=one.outputs | other.outputs,
        facets=join_registers(one.facets, other.facets),
        carried=_join_by_output(one.carried, other.carried),
        snapshot=max(snapshots, key=lambda snapshot: snapshot.order) if snapshots else None,
        parents=one.parents | other.parents,
    )


def without_datasets(facts: RunFacts) -> RunFacts:
    """A run without its datasets but for those of the newest snapshot: a stream may name ever new ones."""
    return replace(facts, inputs=frozenset(), outputs=frozenset(), carried={})


def datasets_of(facts: RunFacts) -> dict[DatasetName, RunDataset]:
    """The datasets of a run, one by one."""
    return {
        name: RunDataset(name in facts.inputs, name in facts.outputs, facts.carried.get(name, {}))
        for name in facts.inputs | facts.outputs | facts.carried.keys()
    }


def with_datasets(facts: RunFacts, datasets: Mapping[DatasetName, RunDataset]) -> RunFacts:
    """A run with datasets that were apart."""
    apart = RunFacts(
        inputs=frozenset(name for name, one in datasets.items() if one.read),
        outputs=frozenset(name for name, one in datasets.items() if one.written),
        carried={name: one.carried for name, one in datasets.items() if one.carried},
    )
    return join_runs(facts, apart)


def join_run_datasets(one: RunDataset, other: RunDataset) -> RunDataset:
    """The facts of both about one dataset of one run."""
    return RunDataset(one.read or other.read, one.written or other.written, join_registers(one.carried, other.carried))


def join_jobs(one: JobFacts, other: JobFacts) -> JobFacts:
    """The facts of both about one job, but for `ran`, which is `one`'s: it is a projection."""
    return JobFacts(
        names=one.names | other.names,
        facets=join_registers(one.facets, other.facets),
        declared=join_declared(one.declared, other.declared),
        ran=one.ran,
    )


def join_names(one: NameFacts, other: NameFacts) -> NameFacts:
    """The facts of both about one name, but for `written`, which is `one`'s: it is a projection."""
    if one is other:
        return one
    return NameFacts(
        spellings=one.spellings | other.spellings,
        links=later(one.links, other.links),
        linked_with=one.linked_with | other.linked_with,
        same=one.same | other.same,
        preferred=one.preferred or other.preferred,
        used=one.used or other.used,
        heard=join_registers(one.heard, other.heard) if other.heard else one.heard,
        written=one.written,
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
    for output, carried in delta.declared.items():
        into.declared[output] = join_facets(into.declared.get(output, {}), carried)
    into.contents.update(delta.contents)
    into.problems.extend(delta.problems)
