"""The edges of a job from its facts at a moment, where each of its datasets is shown under the name that runs gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from consumer.graph.store import Edge
from consumer.lineage.facts.current import executions_of, recount
from consumer.lineage.facts.delta import JobFacts
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.output_facets import NOTHING_CARRIED, OutputFacts
from consumer.lineage.facts.registers import Registers
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.lifecycle import Placement
from consumer.lineage.views import Stated, in_force, job_view
from consumer.projection.job_edges import edges_of_view
from consumer.projection.jobs import from_run
from schemas.naming import DatasetName


class JobAtMoment(NamedTuple):
    """Source of the edges of a job.

    Attributes:
        job: The job.
        facts: Its facts.
        outputs: The facets of its outputs.
    """

    job: JobName
    facts: JobFacts
    outputs: Mapping[DatasetName, OutputFacts]

    @property
    def stored_refs(self) -> set[str]:
        """The references of the texts that `edges` needs."""
        return Stated(executions_of(self.facts), in_force(self.facts, self.outputs)).stored_refs

    def edges(self, texts: Mapping[str, str]) -> tuple[Edge, ...]:
        """Returns the edges, given the texts of references."""
        chars = len(self.job.namespace) + len(self.job.name)
        view = job_view(self.facts, self.outputs, _AsGiven(), lambda ref: texts.get(ref, ref), chars)
        return tuple(edges_of_view(self.job, view).values())


def job_at(job: JobName, facets: Registers, runs: Mapping[str, RunFacts]) -> JobAtMoment:
    """Returns the state of a job, by its facets and by the runs that had ended."""
    outputs: dict[DatasetName, OutputFacts] = {}
    for run, facts in runs.items():
        for name, carried in from_run(RunKey(job, run), facts).items():
            known = outputs[name].ran if name in outputs else NOTHING_CARRIED
            outputs[name] = OutputFacts(known.join(carried))
    return JobAtMoment(job, JobFacts(facets=facets, ran=recount(runs)), outputs)


class _AsGiven(dict[DatasetName, Placement]):
    """Placements of datasets that were never linked, dropped or renamed."""

    def __missing__(self, name: DatasetName) -> Placement:
        found = self[name] = Placement(name)
        return found
