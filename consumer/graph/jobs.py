"""Jobs in the graph: their facts, and what is current of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from consumer.graph import codec, ids, model
from consumer.graph.documents import Document, Documents, Draft, Kind
from consumer.graph.job_edges import view_key
from consumer.graph.runs import Runs
from consumer.graph.store import GraphStore, Scalar
from consumer.lineage.current import BY_RUN, CarriedFacets, Current, absorb, join_current, recount
from consumer.lineage.delta import JobFacts, JobName, Output, RunFacts, Written, join_jobs
from consumer.lineage.registers import Register
from consumer.lineage.views import current_of, facet_value

KIND: Kind[JobName, JobFacts] = Kind(model.JOB, ids.job, JobFacts(), codec.dump_job, codec.load_job)

JobDocuments = Mapping[JobName, Document[JobFacts]]


class Jobs:
    """The documents of jobs."""

    def __init__(self, store: GraphStore, runs: Runs, cached: int) -> None:
        self.documents = Documents(store, KIND, cached)
        self._runs = runs

    def ensure(self, facts: Mapping[JobName, JobFacts], also: Iterable[JobName]) -> None:
        """Makes the vertices of jobs that are not there yet, so that runs can be tied to them."""
        wanted = {**{job: JobFacts() for job in also}, **facts}
        known = self.documents.get(wanted)
        new = sorted(job for job in wanted if not known[job].stored)
        if new:
            self.documents.update(new, lambda job, document: _draft(job, document, wanted[job], document.facts.ran))

    def update(
        self, facts: Mapping[JobName, JobFacts], runs: Mapping[str, Document[RunFacts]]
    ) -> dict[JobName, Document[JobFacts]]:
        """Adds facts to jobs, and what their runs make current."""
        by_job: defaultdict[JobName, dict[str, RunFacts]] = defaultdict(dict)
        for run, document in runs.items():
            for job in document.facts.jobs:
                by_job[job][run] = document.facts
        wanted = {**{job: JobFacts() for job in by_job}, **facts}

        def draft(job: JobName, document: Document[JobFacts]) -> Draft[JobFacts] | None:
            ran = self._absorb(job, document.facts.ran, by_job.get(job, {}))
            return _draft(job, document, wanted[job], ran)

        return self.documents.update(sorted(wanted), draft)

    def _absorb(self, job: JobName, ran: Current, runs: Mapping[str, RunFacts]) -> Current:
        current = ran
        for run, facts in runs.items():
            counted = absorb(current, job, run, facts)
            if counted is None:
                return self._recount(job, ran, runs)
            current = counted
        return current

    def _recount(self, job: JobName, ran: Current, runs: Mapping[str, RunFacts]) -> Current:
        """What is current, from all runs of a job; those given are newer than what the store has."""
        counted = recount(job, {**self._runs.of_job(job), **runs}.items())
        # What is said of an output no more has to be said, so that its dataset forgets it.
        silent: CarriedFacets = {name: {} for name in ran.carried}
        return join_current(Current(carried=silent), counted)

    def touch(self, jobs: Collection[JobName]) -> dict[JobName, Document[JobFacts]]:
        """Gives jobs a new revision, so that whoever works with an older one notices."""
        return self.documents.update(
            sorted(jobs), lambda _, document: Draft(document.facts) if document.stored else None
        )


def written(jobs: JobDocuments) -> dict[Output, Written]:
    """What jobs say of their outputs."""
    found: dict[Output, Written] = {}
    for job, document in jobs.items():
        for name, facets in current_of(document.facts).carried.items():
            said = {f: Register(c.stamp, c.ref) for f, c in facets.items() if f not in BY_RUN}
            found[Output(job, name)] = Written(document.revision, said)
    return found


def _shown(job: JobName, facts: JobFacts) -> dict[str, Scalar]:
    kind = facet_value(facts.facets, "jobType")
    node = facet_value(facts.facets, "dbt_node")
    code = facet_value(facts.facets, "sourceCodeLocation")
    shown: dict[str, Scalar] = {
        "namespace": job.namespace,
        "name": job.name,
        "type": str(kind.get("jobType") or ""),
        "integration": str(kind.get("integration") or ""),
        "description": str(facet_value(facts.facets, "documentation").get("description") or ""),
        "source_path": str(node.get("original_file_path") or code.get("url") or ""),
    }
    return shown


def _draft(job: JobName, document: Document[JobFacts], said: JobFacts, ran: Current) -> Draft[JobFacts] | None:
    joined = join_jobs(document.facts, said)
    joined = JobFacts(joined.names, joined.facets, joined.declared, ran)
    if document.stored and joined == document.facts:
        return None
    known = document.properties
    # What was there and is no more becomes empty; what never was is not written.
    properties = {key: value for key, value in _shown(job, joined).items() if known.get(key, "") != value}
    if known.get("viewed") == document.revision and view_key(joined) == view_key(document.facts):
        # The edges around show this revision, too.
        properties["viewed"] = document.revision + 1
    return Draft(joined, properties)
