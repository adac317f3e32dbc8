"""Jobs in the graph: their facts, the executions that are current, and what their outputs carry.

A run's facts come first; what follows from them is brought up to date in this order, each part a document of its own:
the facets of its outputs (`lineage_output`), its group of siblings (`lineage_group`), and the job's current executions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import Edge, GraphStore, Scalar
from consumer.lineage.facts.current import (
    absorb,
    absorb_member,
    completed,
    ended,
    group_of,
    members_in,
    recount,
    with_siblings,
)
from consumer.lineage.facts.delta import Delta, JobFacts, join_jobs
from consumer.lineage.facts.executions import Current, Execution, GroupFacts
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import GroupKey, JobName, OutputKey, RunKey
from consumer.lineage.facts.output_facets import NOTHING_CARRIED, CarriedFacets, OutputFacts
from consumer.lineage.facts.processing import JOB_TYPE, KnownStreams, job_streams, may_have_counted
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.facts.settled import is_open, still_settled
from consumer.projection.documents.fact_document import FactDocument, FactKind, FactUpdate
from consumer.projection.documents.relied import Relied
from consumer.projection.repository import FactRepository, Updated
from consumer.projection.run_histories import RunHistories, RunHistory
from consumer.projection.runs import RunDocuments, Runs
from consumer.retry import ConflictLimit
from schemas.counted import counted
from schemas.naming import DatasetName

KIND: FactKind[JobName, JobFacts] = FactKind(
    schema.JOB, ids.job, JobFacts(), facts_codec.dump_job, facts_codec.load_job
)
OUTPUTS: FactKind[OutputKey, OutputFacts] = FactKind(
    schema.OUTPUT, ids.output, OutputFacts(), facts_codec.dump_output, facts_codec.load_output
)
GROUPS: FactKind[GroupKey, GroupFacts] = FactKind(
    schema.GROUP, ids.group, {}, facts_codec.dump_group, facts_codec.load_group, is_kept=False
)

PRUNED_UNTIL = "pruned_until"
"""The property of a job with the latest end of its runs that a prune has removed."""

OPEN = "open"
"""The property of a job to whose lineage a run adds that has not ended."""

GIVES = "gives"
"""The property of a job with the names that its latest run gave, as JSON."""

LED_TO = "led_to"
"""The property of a job that is never settled, once the names that its runs gave lead to it (`past_letters.FORMER`)."""

SETTLED = "settled"
"""The property of a job with the moment since when it is what it is now (`consumer.lineage.facts.settled`)."""

JobDocuments = Mapping[JobName, FactDocument[JobFacts]]
OutputDocuments = Mapping[OutputKey, FactDocument[OutputFacts]]
GroupDocuments = Mapping[GroupKey, FactDocument[GroupFacts]]


def from_run(run: RunKey, facts: RunFacts) -> dict[DatasetName, CarriedFacets]:
    """Returns the facets that a run carries for its outputs, if it counts as completed."""
    execution = completed(run.id, facts)
    if execution is None:
        return {}
    if facts.snapshot is not None:
        return {name: CarriedFacets.at_once(registers, run.id) for name, registers in facts.carried.items()}
    return {name: CarriedFacets.by(registers, execution.time, run.id) for name, registers in facts.carried.items()}


class Jobs:
    """The documents of jobs, and of their outputs and groups."""

    def __init__(self, store: GraphStore, runs: Runs, cached: int) -> None:
        self.documents = FactRepository(store, KIND, cached * 10 // 16)
        self.outputs = FactRepository(store, OUTPUTS, cached * 5 // 16)
        # Each build has new groups, which the next one does not ask for.
        self.groups = FactRepository(store, GROUPS, cached // 16)
        self._runs = runs
        self._store = store

    def forget_all(self) -> None:
        """Drops all documents from the caches."""
        self.documents.forget_all()
        self.outputs.forget_all()
        self.groups.forget_all()

    def note_streams(self, delta: Delta, streams: KnownStreams) -> None:
        """Notes which of the jobs do not end that facts are of, as far as it is known and makes a difference."""
        jobs = {run.job for run, facts in delta.runs.items() if facts.unstated is not None}
        if jobs:
            _note_streams(self.documents.get(jobs), streams, delta.jobs)

    def recount(self, jobs: Collection[JobName]) -> set[JobName]:
        """Computes what follows from the runs of jobs from all of these; returns the jobs where something was wrong."""
        wrong: set[JobName] = set()
        conflicts = ConflictLimit()
        while True:
            histories = RunHistories(self._runs, KnownStreams())
            relied = Relied(self._store)
            wrong |= self._recount(jobs, histories, relied)
            again = histories.moved() | histories.streams.changed
            # A job that was left as it is may have become a stream meanwhile, or none.
            jobs = set(jobs) if relied.moved() else again
            if not jobs:
                return wrong
            conflicts.count(f"runs of {counted(len(jobs), 'job')}")

    def _recount(self, jobs: Collection[JobName], histories: RunHistories, relied: Relied) -> set[JobName]:
        known = {job: document for job, document in self.documents.get(jobs).items() if document.stored}
        _note_streams(known, histories.streams)
        history = RunHistory(self._runs, histories.streams)
        groups = {
            GroupKey(job, parent): job
            for job in known
            for facts in history.of(job).values()
            for parent in facts.parents - {""}
        }
        outputs = {
            OutputKey(job, name): job for job in known for facts in history.of(job).values() for name in facts.carried
        }

        def plan_groups(found: GroupDocuments) -> Iterator[tuple[GroupKey, FactUpdate[GroupFacts]]]:
            history = histories.read_after(found)
            for group, document in found.items():
                after = members_in(group.parent, history.of(group.job))
                if after != document.facts:
                    yield group, FactUpdate(after)

        def plan_outputs(found: OutputDocuments) -> Iterator[tuple[OutputKey, FactUpdate[OutputFacts]]]:
            history = histories.read_after(found)
            for output, document in found.items():
                after = OutputFacts(
                    _recount_output(output, document.facts.ran, history.of(output.job)), document.facts.declared
                )
                if after != document.facts:
                    yield output, FactUpdate(after, {}, () if document.stored else (_output_of(output),))

        def plan_jobs(found: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            # Another writer may have learnt since that a job is a stream: its runs count in another way then.
            _note_streams(found, histories.streams)
            history = histories.read_after(found)
            for job, document in found.items():
                ran = recount(history.of(job), document.facts.ran)
                if replace(ran, missed=None) != replace(document.facts.ran, missed=None):
                    yield job, _draft(job, document, document.facts, ran)

        wrong = {groups[group] for group in self.groups.update(sorted(groups), plan_groups).written}
        wrong |= {outputs[output] for output in self.outputs.update(sorted(outputs), plan_outputs).written}
        updated = self.documents.update(sorted(known), plan_jobs)
        relied.add(self.documents, _unwritten(updated))
        return wrong | updated.written

    def create(self, facts: Mapping[JobName, JobFacts], also: Collection[JobName]) -> None:
        """Makes the vertices of jobs that are not there yet, so that runs can be tied to them."""
        wanted = {**{job: JobFacts() for job in also}, **facts}

        def plan(known: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            for job in sorted(known):
                if not known[job].stored:
                    yield job, _draft(job, known[job], wanted[job], Current())

        new = [job for job, document in self.documents.get(wanted).items() if not document.stored]
        if new:
            self.documents.update(new, plan)

    def update(
        self,
        facts: Mapping[JobName, JobFacts],
        runs: RunDocuments,
        declared: Mapping[OutputKey, CarriedFacets],
        relied: Relied,
        streams: KnownStreams | None = None,
    ) -> tuple[JobDocuments, OutputDocuments]:
        """Adds facts to jobs and outputs, and what follows from runs.

        Args:
            facts: The facts of jobs.
            runs: Runs, whose facts are written.
            declared: Facets of outputs from JobEvents.
            relied: Gets what was used without being written.
            streams: What calls before this one, for the same facts, knew of jobs.

        Returns:
            The jobs, and the outputs whose facets may have changed.
        """
        relied.add(self._runs.documents, runs)
        streams = streams or KnownStreams()
        moved: Collection[JobName] = ()
        conflicts = ConflictLimit()
        while True:
            _note_streams(self.documents.get({*facts, *(run.job for run in runs)}), streams, facts)
            histories = RunHistories(self._runs, streams, {*moved, *streams.changed})
            of_runs = self._settled(runs, histories)
            outputs = self._update_outputs(of_runs, declared, relied, histories)
            self._update_groups(of_runs, relied, histories)
            jobs = self._update_jobs(facts, of_runs, relied, histories)
            # A job that was found to be a stream before may be none by now, and the other way about.
            moved = histories.moved() | histories.turned | _note_streams(jobs, streams)
            if not moved:
                return jobs, outputs
            conflicts.count(f"runs of {counted(len(moved), 'job')}")

    @staticmethod
    def _settled(runs: RunDocuments, histories: RunHistories) -> Mapping[RunKey, RunFacts]:
        """Returns the facts of runs, and of all runs of jobs that turned out to be a stream, or to be none."""
        streams = histories.streams
        found = {run: document.facts for run, document in runs.items()}
        if streams.changed:
            history = histories.read_after(runs)
            for job in streams.changed:
                found |= {RunKey(job, run): facts for run, facts in history.unsettled(job).items()}
        return {run: streams.settled(run.job, facts) for run, facts in found.items()}

    def _update_outputs(
        self,
        runs: Mapping[RunKey, RunFacts],
        declared: Mapping[OutputKey, CarriedFacets],
        relied: Relied,
        histories: RunHistories,
    ) -> OutputDocuments:
        by_output: defaultdict[OutputKey, dict[RunKey, CarriedFacets]] = defaultdict(dict)
        for run, facts in runs.items():
            carried = from_run(run, facts)
            # Before its end a run has not counted, so there is nothing to take back.
            if carried or ended(facts) or may_have_counted(facts):
                for name in facts.carried:
                    by_output[OutputKey(run.job, name)][run] = carried.get(name, NOTHING_CARRIED)
        wanted = sorted({*by_output, *declared})

        def plan(known: OutputDocuments) -> Iterator[tuple[OutputKey, FactUpdate[OutputFacts]]]:
            history = histories.read_after(known)
            for output, document in known.items():
                ran = self._absorb_output(output, document.facts.ran, by_output.get(output, {}), history)
                after = OutputFacts(ran, document.facts.declared.join(declared.get(output, NOTHING_CARRIED)))
                if after != document.facts or (not document.stored and (after.ran or after.declared)):
                    yield output, FactUpdate(after, {}, () if document.stored else (_output_of(output),))

        updated = self.outputs.update(wanted, plan)
        relied.add(self.outputs, updated.documents)
        return updated.documents

    @staticmethod
    def _absorb_output(
        output: OutputKey, ran: CarriedFacets, said: Mapping[RunKey, CarriedFacets], history: RunHistory
    ) -> CarriedFacets:
        for run, carried in said.items():
            if history.has_moved(output.job) or not carried.keeps(ran, run.id):
                return _recount_output(output, ran, history.of(output.job))
            ran = ran.join(carried)
        return ran

    def _update_groups(self, runs: Mapping[RunKey, RunFacts], relied: Relied, histories: RunHistories) -> None:
        by_group: defaultdict[GroupKey, dict[str, Execution | None]] = defaultdict(dict)
        for run, facts in runs.items():
            if not ended(facts) and not may_have_counted(facts):
                continue
            group = group_of(facts)
            for parent in facts.parents - {""}:
                execution = completed(run.id, facts) if parent == group else None
                by_group[GroupKey(run.job, parent)][run.id] = execution

        def plan(known: GroupDocuments) -> Iterator[tuple[GroupKey, FactUpdate[GroupFacts]]]:
            history = histories.read_after(known)
            for group, document in known.items():
                after = _absorb_members(group, document.facts, by_group[group], history)
                if after != document.facts:
                    yield group, FactUpdate(after)

        if by_group:
            relied.add(self.groups, self.groups.update(sorted(by_group), plan).documents)

    def _update_jobs(
        self,
        facts: Mapping[JobName, JobFacts],
        runs: Mapping[RunKey, RunFacts],
        relied: Relied,
        histories: RunHistories,
    ) -> JobDocuments:
        by_job: defaultdict[JobName, dict[str, RunFacts]] = defaultdict(dict)
        for run, of_run in runs.items():
            by_job[run.job][run.id] = of_run
        wanted = {**{job: JobFacts() for job in by_job}, **facts}

        def plan(known: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            # Between the last look at a job and this write it may have been a stream for others, or none.
            histories.turned |= _note_streams(known, histories.streams, facts)
            history = histories.read_after(known)
            for job, document in known.items():
                ran = self._absorb(job, document.facts.ran, by_job.get(job, {}), history, relied)
                draft = _draft(job, document, wanted[job], ran)
                if not document.stored or draft.facts != document.facts:
                    yield job, draft

        updated = self.documents.update(sorted(wanted), plan)
        unwritten = {job: updated.documents[job] for job in by_job if job not in updated.written}
        relied.add(self.documents, unwritten)
        return updated.documents

    def _absorb(
        self, job: JobName, ran: Current, runs: Mapping[str, RunFacts], history: RunHistory, relied: Relied
    ) -> Current:
        current = ran
        for run, facts in runs.items():
            counted = None if history.has_moved(job) else absorb(current, run, facts)
            if counted is None:
                return recount({**runs, **history.of(job)}, ran)
            current = counted
        return self._with_siblings(job, current, relied) if current.group else with_siblings(current, ())

    def _with_siblings(self, job: JobName, current: Current, relied: Relied) -> Current:
        """Brings the siblings of the latest run to what their group says."""
        key = GroupKey(job, current.group)
        documents = self.groups.get([key])
        relied.add(self.groups, documents)
        members = documents[key].facts
        latest = current.latest
        if latest is None or members.keys() <= {latest.shape}:
            return with_siblings(current, ())
        runs = self._runs.documents.get(RunKey(job, member.id) for member in members.values())
        relied.add(self._runs.documents, runs)
        runs = self._runs.whole({run: document for run, document in runs.items() if document.stored})
        executions = (completed(run.id, document.facts) for run, document in runs.items())
        return with_siblings(current, [one for one in executions if one is not None])


def _unwritten(updated: Updated[JobName, JobFacts]) -> JobDocuments:
    """Returns the documents that an update left as they were."""
    return {job: document for job, document in updated.documents.items() if job not in updated.written}


def _note_streams(
    known: JobDocuments, streams: KnownStreams, facts: Mapping[JobName, JobFacts] | None = None
) -> set[JobName]:
    """Notes which jobs do not end, by their documents and then with facts that are added to them.

    Returns:
        The jobs of which it was otherwise before.
    """
    turned: set[JobName] = set()
    for job, document in known.items():
        facets = document.facts.facets
        if streams.note(job, streams=job_streams(facets)):
            turned.add(job)
        added = (facts or {}).get(job)
        if added is None or added.facets.ref(JOB_TYPE) in {None, facets.ref(JOB_TYPE)}:
            continue
        joined = job_streams(facets.join(added.facets))
        # What is older may be here for the second time, after a crash that left what was computed by it.
        if streams.note(job, streams=joined) or (job_streams(added.facets) != joined and streams.doubt(job)):
            turned.add(job)
    return turned


def _output_of(output: OutputKey) -> Edge:
    id_ = ids.make("output_of", *output.job, *output.name)
    return Edge(id_, schema.OUTPUT_OF, ids.output(output), ids.name(output.name), {})


def _recount_output(output: OutputKey, ran: CarriedFacets, runs: Mapping[str, RunFacts]) -> CarriedFacets:
    """Returns the facets in force of an output, from all runs of its job.

    What a pruned run carried stays: nothing can take it back.
    """
    found = ran.where(lambda carrier: carrier.run not in runs)
    for run, facts in runs.items():
        found = found.join(from_run(RunKey(output.job, run), facts).get(output.name, NOTHING_CARRIED))
    return found


def _absorb_members(
    group: GroupKey, known: GroupFacts, said: Mapping[str, Execution | None], history: RunHistory
) -> GroupFacts:
    for run, execution in said.items():
        absorbed = None if history.has_moved(group.job) else absorb_member(known, run, execution)
        if absorbed is None:
            return members_in(group.parent, history.of(group.job))
        known = absorbed
    return known


def _shown(job: JobName, facts: JobFacts) -> dict[str, Scalar]:
    kind = facet_value(facts.facets, "jobType")
    node = facet_value(facts.facets, "dbt_node")
    code = facet_value(facts.facets, "sourceCodeLocation")
    return {
        "namespace": job.namespace,
        "name": job.name,
        "type": str(kind.get("jobType") or ""),
        "integration": str(kind.get("integration") or ""),
        "description": str(facet_value(facts.facets, "documentation").get("description") or ""),
        "source_path": str(node.get("original_file_path") or code.get("url") or ""),
    }


def _draft(job: JobName, document: FactDocument[JobFacts], said: JobFacts, ran: Current) -> FactUpdate[JobFacts]:
    joined = join_jobs(document.facts, said)
    joined = JobFacts(joined.names, joined.facets, joined.declared, ran)
    known = document.properties
    noted = str(document.properties.get(SETTLED) or "")
    shown = {**_shown(job, joined), OPEN: is_open(joined), SETTLED: still_settled(noted, document.facts, joined)}
    # What was there and is no more becomes empty; what never was is not written.
    return FactUpdate(joined, {key: value for key, value in shown.items() if (known.get(key) or "") != (value or "")})
