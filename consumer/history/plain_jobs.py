"""The edges of single jobs at a moment, from as few of their runs as say all of them.

It is for jobs without statements whose datasets were never linked, dropped or renamed: where these are shown is known,
so that the edges of such a job follow from its own runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import Edge, GraphStore
from consumer.history.past_facts import CACHED_TEXTS, COMPLETE, Gathered, Kept
from consumer.history.whole_past import shows_end
from consumer.lineage.column_lineage import sources
from consumer.lineage.facts.current import executions_of, group_of, recount
from consumer.lineage.facts.delta import JobFacts
from consumer.lineage.facts.keys import GroupKey, JobName, RunKey
from consumer.lineage.facts.output_facets import COLUMN_LINEAGE, NOTHING_CARRIED, OutputFacts
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.facts.settled import TOOL_FACETS
from consumer.lineage.lifecycle import Placement
from consumer.lineage.mentions import mentioned_in
from consumer.lineage.views import Stated, in_force, job_view, names_in
from consumer.projection.blobs import BlobStore
from consumer.projection.job_edges import edges_of_view
from consumer.projection.jobs import from_run
from schemas.naming import DatasetName

_NEWEST = 2
"""Runs of a job that are read first; one is enough unless some of them failed."""


class PlainJobs:
    """Edges of such jobs at a moment.

    Args:
        graph: The graph.
        time: The moment.
    """

    def __init__(self, graph: GraphStore, time: str) -> None:
        self._graph = graph
        self._time = time
        self._texts = BlobStore(graph, CACHED_TEXTS)
        self._kept = Kept(graph, "")

    @property
    def known_since(self) -> str:
        """The moment since when all is known of the jobs; empty if none of their runs was pruned."""
        return self._kept.since

    def edges(self, jobs: Collection[JobName]) -> dict[JobName, list[Edge]]:
        """Returns the edges of jobs.

        Raises:
            TransientError: The store can't serve now.
        """
        ended = self._ended(jobs)
        runs = self._read([run for of_job in ended.values() for _, run in of_job[:_NEWEST]])
        older = {job: of_job[_NEWEST:] for job, of_job in ended.items() if of_job[_NEWEST:]}
        lacking = self._lacking(runs, older)
        for run, facts in self._read([run for job in lacking for _, run in older[job]]).items():
            runs[run] = facts
        by_job: dict[JobName, dict[str, RunFacts]] = {job: {} for job in jobs}
        for run, facts in runs.items():
            by_job[run.job][run.id] = facts
        return {job: self._drawn(job, of_job) if of_job else [] for job, of_job in by_job.items()}

    def _ended(self, jobs: Collection[JobName]) -> dict[JobName, list[tuple[str, RunKey]]]:
        """Returns the runs of jobs that had ended, newest first, each with its end."""
        edges = self._graph.edges_at([ids.job(job) for job in sorted(jobs)], schema.RUN_OF, "in")
        found: defaultdict[JobName, list[tuple[str, RunKey]]] = defaultdict(list)
        completed: defaultdict[JobName, list[str]] = defaultdict(list)
        for id_, properties in self._graph.read([edge.source for edge in edges], ("state", "ended_at")).items():
            if properties.get("state") == COMPLETE:
                completed[ids.run_key(id_).job].append(str(properties["ended_at"]))
            if shows_end(properties, self._time):
                run = ids.run_key(id_)
                found[run.job].append((str(properties["ended_at"]), run))
        self._kept.read([ids.job(job) for job in jobs])
        for job, ends in completed.items():
            self._kept.note(job, ends)
        return {job: sorted(of_job, reverse=True) for job, of_job in found.items()}

    def _read(self, runs: Iterable[RunKey]) -> dict[RunKey, RunFacts]:
        by_id = {ids.run(run): run for run in runs}
        stored = self._graph.read(list(by_id), facts_codec.KEYS) if by_id else {}
        return {by_id[id_]: facts_codec.load_run(one) for id_, one in self._texts.structures(stored).items()}

    def _lacking(
        self, runs: Mapping[RunKey, RunFacts], older: Mapping[JobName, list[tuple[str, RunKey]]]
    ) -> set[JobName]:
        """Returns the jobs of whose runs the older ones have to be read too."""
        groups: dict[str, JobName] = {}
        lacking: set[JobName] = set()
        for job, rest in older.items():
            newest = {run.id: facts for run, facts in runs.items() if run.job == job}
            latest = recount(newest).latest
            if latest is None or not latest.whole or latest.time <= rest[0][0]:
                lacking.add(job)
                continue
            facts = newest[latest.id]
            # An output without column lineage of its own has that of a run before.
            by_column = {one.output for one in latest.lineage if one.facet == COLUMN_LINEAGE}
            targets = latest.outputs.union(one.output for one in latest.lineage)
            if targets - by_column or not self._says_tool(facts, latest.time):
                lacking.add(job)
            elif group_of(facts):
                groups[ids.group(GroupKey(job, group_of(facts)))] = job
        stored = self._graph.read(list(groups), facts_codec.KEYS) if groups else {}
        shared = {id_ for id_, one in self._texts.structures(stored).items() if len(facts_codec.load_group(one)) > 1}
        return lacking | {groups[id_] for id_ in shared}

    def _says_tool(self, facts: RunFacts, time: str) -> bool:
        """True if the last event of a run says what its tool's name follows from, so that no older one counts."""
        last = [ref for ref, said in facts.contexts.items() if said == time]
        texts = self._texts.fetch(last)
        return any(mentioned_in(texts[ref]).facets.keys() >= set(TOOL_FACETS) for ref in last)

    def _drawn(self, job: JobName, runs: Mapping[str, RunFacts]) -> list[Edge]:
        gathered = Gathered(self._time, self._texts)
        gathered.add_runs(job, runs)
        facts = JobFacts(facets=gathered.facts().jobs[job].facets, ran=recount(runs))
        outputs: dict[DatasetName, OutputFacts] = {}
        for run, one in runs.items():
            for name, carried in from_run(RunKey(job, run), one).items():
                known = outputs[name].ran if name in outputs else NOTHING_CARRIED
                outputs[name] = OutputFacts(known.join(carried))
        stated = Stated(executions_of(facts), list(in_force(facts, outputs)))
        texts = self._texts.fetch(stated.stored_refs)
        named = {ref: sources(texts.get(ref, ref)) for ref in stated.refs}
        names = names_in(stated, outputs, named)
        placements = {name: Placement(name) for name in names}
        chars = len(job.namespace) + len(job.name)
        return list(
            edges_of_view(job, job_view(facts, outputs, placements, lambda ref: texts.get(ref, ref), chars)).values()
        )
