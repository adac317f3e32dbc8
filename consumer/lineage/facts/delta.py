"""Facts: what events say of runs, jobs and datasets.

The facts of runs and jobs, and the registers of names, have a join that is associative, commutative and idempotent, so
they may arrive in any order, any number of times, cut into any batches (the design's first law). What follows from
them and can be taken back again is a projection, computed by `current.py`, `output_facets.py` and `views.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from consumer.lineage.facts.contents import Contents
from consumer.lineage.facts.executions import Current, Declared, join_declared
from consumer.lineage.facts.keys import JobName, OutputKey, RunKey
from consumer.lineage.facts.output_facets import NO_WINNERS, CarriedFacets, Winners
from consumer.lineage.facts.registers import NO_REGISTERS, Register, Registers, later
from consumer.lineage.facts.run_facts import RunFacts, join_runs
from schemas.naming import DatasetName

if TYPE_CHECKING:
    from consumer.lineage.facts.contexts import Statement

NOTHING_RAN = Current()
"""The current executions of a job that has not run."""


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
    facets: Registers = NO_REGISTERS
    declared: Declared | None = None
    ran: Current = NOTHING_RAN


@dataclass(slots=True, frozen=True)
class NameFacts:
    """Facts of a dataset under one of its names.

    Attributes:
        spellings: The name as events spell it, where that is not the canonical form.
        links: The names of its latest symlinks facet, as JSON.
        linked_with: Names that a symlinks facet has ever linked it with, in either direction; `links` says which still
            are.
        same: Names that configuration has ever linked it with; the present rules decide which still are.
        is_crowded: True if symlinks have linked it with more names than may be: none of them counts, and `linked_with`
            has those of before.
        said: True if an event names it; configuration makes names too.
        read: True if an event names it as something that is read.
        used: True if an event names it for something else than to drop it.
        heard: Facets that count at once: those of inputs and of DatasetEvents.
        written: Of each facet the greatest that a completed run carried; a projection of the outputs of jobs.
    """

    spellings: frozenset[DatasetName] = frozenset()
    links: Register | None = None
    linked_with: frozenset[DatasetName] = frozenset()
    same: frozenset[DatasetName] = frozenset()
    said: bool = False
    read: bool = False
    used: bool = False
    heard: Registers = NO_REGISTERS
    written: Winners = NO_WINNERS
    is_crowded: bool = False

    def with_registers(self, links: Register | None, heard: Registers) -> NameFacts:
        """Returns the same facts with others in place of those that have a time."""
        names = self.spellings, links, self.linked_with, self.same
        return NameFacts(*names, self.said, self.read, self.used, heard, self.written, self.is_crowded)


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
        statements: Events that count at their own time, for the history.
        problems: What was left out.
    """

    runs: dict[RunKey, RunFacts] = field(default_factory=dict)
    jobs: dict[JobName, JobFacts] = field(default_factory=dict)
    names: dict[DatasetName, NameFacts] = field(default_factory=dict)
    declared: dict[OutputKey, CarriedFacets] = field(default_factory=dict)
    contents: Contents = field(default_factory=Contents)
    statements: list[Statement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add_run(self, run: RunKey, facts: RunFacts) -> None:
        """Joins facts with those of the same run."""
        known = self.runs.get(run)
        self.runs[run] = facts if known is None else join_runs(known, facts)

    def add_job(self, job: JobName, facts: JobFacts) -> None:
        """Joins facts with those of the same job."""
        known = self.jobs.get(job)
        self.jobs[job] = facts if known is None else join_jobs(known, facts)

    def add_name(self, name: DatasetName, facts: NameFacts) -> None:
        """Joins facts with those of the same name."""
        known = self.names.get(name)
        self.names[name] = facts if known is None else join_names(known, facts)

    def add_declared(self, output: OutputKey, carried: CarriedFacets) -> None:
        """Joins facets that JobEvents carry with those of the same output."""
        known = self.declared.get(output)
        self.declared[output] = carried if known is None else known.join(carried)


def join_jobs(one: JobFacts, other: JobFacts) -> JobFacts:
    """Returns the facts of both about one job, but for `ran`, which is `one`'s: it is a projection."""
    return JobFacts(
        names=one.names | other.names,
        facets=one.facets.join(other.facets),
        declared=join_declared(one.declared, other.declared),
        ran=one.ran,
    )


def join_names(one: NameFacts, other: NameFacts) -> NameFacts:
    """Returns the facts of both about one name, but for `written`, which is `one`'s: it is a projection."""
    if one is other:
        return one
    return NameFacts(
        spellings=one.spellings | other.spellings,
        links=later(one.links, other.links),
        linked_with=one.linked_with | other.linked_with,
        same=one.same | other.same,
        said=one.said or other.said,
        read=one.read or other.read,
        used=one.used or other.used,
        heard=one.heard.join(other.heard),
        written=one.written,
        is_crowded=one.is_crowded or other.is_crowded,
    )


def merge(into: Delta, delta: Delta) -> None:
    """Adds the facts of a delta to those of another, in place."""
    for run, run_facts in delta.runs.items():
        into.add_run(run, run_facts)
    for job, job_facts in delta.jobs.items():
        into.add_job(job, job_facts)
    for name, name_facts in delta.names.items():
        into.add_name(name, name_facts)
    for output, carried in delta.declared.items():
        into.add_declared(output, carried)
    into.contents.update(delta.contents)
    into.statements.extend(delta.statements)
    into.problems.extend(delta.problems)
