"""What is current of a job: its latest completed run, the unfinished runs after it, and the facets of its outputs.

It is derived from the facts of the job's runs, and kept beside them so that a further run costs what that run says and
not a look at all that were before. `absorb` takes one run's facts in; where they take something back (a run that had
completed and now failed, or that turns out to be another job's), it says so, and the caller counts afresh.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from schemas.naming import DatasetName

if TYPE_CHECKING:
    from consumer.lineage.delta import JobName, RunFacts

COLUMN_LINEAGE = "columnLineage"
LINEAGE = "lineage"
BY_RUN = frozenset({COLUMN_LINEAGE, LINEAGE})
"""Facets of which the latest completed run that carried them counts, whatever the time of the event that said so."""

DECLARED = "\0declared:"
"""How the id of a JobEvent's execution begins. No run has such an id: decoding rejects NUL characters."""


class Execution(NamedTuple):
    """A run as far as lineage sees it.

    Attributes:
        time: When it ended; for an unfinished one, when it started.
        id: The run's id, which decides between two of one time. A JobEvent's is made from what it says.
        inputs: Datasets read.
        outputs: Datasets written.
    """

    time: str
    id: str
    inputs: frozenset[DatasetName]
    outputs: frozenset[DatasetName]

    @property
    def order(self) -> tuple[str, str]:
        """What makes one execution later than another."""
        return self.time, self.id


class Carried(NamedTuple):
    """An output's facet and the completed run that carried it."""

    stamp: str
    ref: str
    ended_at: str
    run: str

    def rank(self, facet: str) -> tuple[str, str, str]:
        """What makes one carried facet replace another."""
        if facet in BY_RUN:
            return self.ended_at, self.run, self.stamp
        return self.stamp, self.ended_at, self.run


CarriedFacets = dict[DatasetName, dict[str, Carried]]


@dataclass(slots=True, frozen=True)
class Current:
    """What is current of a job.

    Attributes:
        latest: The latest completed run.
        unfinished: The runs that started after it ended and have not ended, by id.
        carried: Facets of outputs, of completed runs.
    """

    latest: Execution | None = None
    unfinished: dict[str, Execution] = field(default_factory=dict)
    carried: CarriedFacets = field(default_factory=dict)

    def executions(self) -> list[Execution]:
        """All that is current."""
        return [*([self.latest] if self.latest else []), *self.unfinished.values()]

    @property
    def inputs(self) -> frozenset[DatasetName]:
        """The job's current inputs."""
        return frozenset().union(*(execution.inputs for execution in self.executions()))

    @property
    def outputs(self) -> frozenset[DatasetName]:
        """The job's current outputs."""
        return frozenset().union(*(execution.outputs for execution in self.executions()))

    def refers_to(self, run: str) -> bool:
        """Whether anything here counts a run as completed."""
        return (self.latest is not None and self.latest.id == run) or any(
            carried.run == run for facets in self.carried.values() for carried in facets.values()
        )


def _later(one: Execution | None, other: Execution | None) -> Execution | None:
    if one is None or other is None:
        return one or other
    if one.order == other.order:
        return one._replace(inputs=one.inputs | other.inputs, outputs=one.outputs | other.outputs)
    return max(one, other, key=lambda execution: execution.order)


def _join_carried(one: CarriedFacets, other: CarriedFacets) -> CarriedFacets:
    if not other:
        return one
    joined = dict(one)
    for name, facets in other.items():
        known = dict(joined.get(name, {}))
        for facet, carried in facets.items():
            if facet not in known or carried.rank(facet) > known[facet].rank(facet):
                known[facet] = carried
        joined[name] = known
    return joined


def join_current(one: Current, other: Current) -> Current:
    """What is current if both are true of one job."""
    latest = _later(one.latest, other.latest)
    unfinished = {**one.unfinished, **other.unfinished}
    if latest is not None and unfinished:
        unfinished = {
            run: execution for run, execution in unfinished.items() if execution.time > latest.time and run != latest.id
        }
    return Current(latest, unfinished, _join_carried(one.carried, other.carried))


def _said_by(run: str, facts: RunFacts) -> Current:
    """What one run alone makes current."""
    if facts.completed:
        ended_at = facts.ended_at or ""
        carried: CarriedFacets = {
            name: {facet: Carried(register.stamp, register.ref, ended_at, run) for facet, register in facets.items()}
            for name, facets in facts.carried.items()
        }
        return Current(latest=Execution(ended_at, run, facts.inputs, facts.outputs), carried=carried)
    if facts.unfinished:
        started_at = facts.started_at or facts.seen_at or ""
        return Current(unfinished={run: Execution(started_at, run, facts.inputs, facts.outputs)})
    return Current()


def absorb(current: Current, job: JobName, run: str, facts: RunFacts) -> Current | None:
    """What is current once a run's facts are known.

    Args:
        current: What was current before.
        job: The job that `current` is of.
        run: The run's id.
        facts: All that is known of the run; at least what was known when it was last absorbed.

    Returns:
        The new state, or None where the facts take something back that `current` counts: count afresh, with `recount`.
    """
    mine = facts.owner == job
    if not (mine and facts.completed) and current.refers_to(run):
        return None
    if run in current.unfinished:
        current = replace(current, unfinished={id_: e for id_, e in current.unfinished.items() if id_ != run})
    return join_current(current, _said_by(run, facts)) if mine else current


def recount(job: JobName, runs: Iterable[tuple[str, RunFacts]]) -> Current:
    """What is current, from all runs that were ever said to be of a job."""
    current = Current()
    for run, facts in runs:
        if facts.owner == job:
            current = join_current(current, _said_by(run, facts))
    return current
