"""A part of the graph of a moment, drawn in memory around the names that are asked for.

The present graph leads from a name to all jobs that ever gave it, and to all statements about it (`schema.NAMED`,
`schema.STATED`). What is known of a name at a moment follows from these alone. The edges of a job also depend on what
is known of its other names, so what is drawn goes one step further than what is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Edge, GraphStore
from consumer.history.past_facts import CACHED_TEXTS, Gathered, Kept, configure, ends_of
from consumer.history.past_streams import runs_of, streaming_runs
from consumer.history.whole_past import Drawing
from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.delta import Delta, NameFacts, join_names, merge
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.identity import IdentityRules
from consumer.lineage.lifecycle import renamings
from consumer.lineage.mentions import mentioned_in
from consumer.projection import alias_sets, fingerprints
from consumer.projection.blobs import BlobStore
from consumer.projection.graph_writer import GraphWriter
from consumer.projection.history import past_letters, statements
from consumer.projection.repository import FactRepository
from schemas.naming import DatasetName

_WALKED: Final = frozenset({schema.EDGE, schema.COLUMN_EDGE})
_CACHED_NAMES = 16 * 1024 * 1024


class NeighbourhoodPast:
    """The part of a graph at a moment that was asked for so far.

    Args:
        graph: The graph, whose history is indexed (`format_version.is_indexed`).
        time: The moment.
        rules: Which names are one dataset by the configuration of the graph.
        only_jobs: True to draw the edges of jobs alone. Nothing more is read of names that were never linked, dropped
            or renamed: where they are shown is known.

    Attributes:
        memory: What is drawn; right for the names and jobs that were asked for.
    """

    def __init__(self, graph: GraphStore, time: str, rules: IdentityRules, *, only_jobs: bool = False) -> None:
        self.memory = SqliteStore(Path(":memory:"))
        self._graph = graph
        self._time = time
        self._rules = rules
        self._only_jobs = only_jobs
        self._texts = BlobStore(graph, CACHED_TEXTS)
        self._writer = GraphWriter(Drawing(self.memory, graph), rules=rules)
        self._documents = FactRepository(graph, alias_sets.KIND, _CACHED_NAMES, self._texts)
        self._kept = Kept(graph, statements.pruned_until(graph))
        self._names: dict[DatasetName, NameFacts] = {}
        self._heard: dict[DatasetName, set[JobName]] = {}
        self._shown: set[DatasetName] = set()
        self._shown_jobs: set[JobName] = set()
        self._loaded: dict[JobName, set[DatasetName]] = {}
        self._streaming: dict[JobName, set[RunKey]] = {}
        self._renamed: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)

    @property
    def known_since(self) -> str:
        """The moment since when all is known of what was asked for; empty if nothing of it was pruned."""
        return self._kept.since

    def show(self, names: Collection[DatasetName]) -> None:
        """Draws the datasets of names, their columns, and the edges that they have.

        Raises:
            TransientError: The store can't serve now.
        """
        new = set(names) - self._shown
        if not new:
            return
        around = self._hear(new)
        jobs = set[JobName]().union(*(self._heard[name] for name in around))
        self._hear(set[DatasetName]().union(*(self._loaded[job] for job in jobs)))
        self._shown |= around

    def show_jobs(self, jobs: Collection[JobName]) -> None:
        """Draws jobs and their edges.

        Raises:
            TransientError: The store can't serve now.
        """
        # A job that was only loaded has names of which not all is known.
        new = set(jobs) - self._shown_jobs
        if not new:
            return
        self._load(new - self._loaded.keys(), ())
        self._hear(set[DatasetName]().union(*(self._loaded[job] for job in new)))
        self._shown_jobs |= new

    def edges_of(self, jobs: Collection[JobName]) -> dict[JobName, list[Edge]]:
        """Returns the edges of jobs that were drawn, between datasets and between columns."""
        found: dict[JobName, list[Edge]] = {job: [] for job in jobs}
        sources: defaultdict[str, set[str]] = defaultdict(set)
        for properties in self.memory.read([ids.job(job) for job in jobs], ("elements",)).values():
            for ends in map(ids.edge_ends, fingerprints.load(properties)):
                if ends is not None and ends.label in _WALKED:
                    sources[ends.label].add(ends.source)
        for label, places in sources.items():
            for edge in self.memory.edges_at(sorted(places), label, "out"):
                job = ids.job_name(str(edge.properties["job"])) if "job" in edge.properties else None
                if job in found:
                    found[job].append(edge)
        return found

    def streaming_of(self, jobs: Collection[JobName]) -> set[RunKey]:
        """Returns the runs of jobs that were streaming at the moment.

        Raises:
            TransientError: The store can't serve now.
        """
        new = set(jobs) - self._streaming.keys()
        if new:
            said = list(self._stated(new).values())
            self._note_streaming(new, streaming_runs(self._graph, said, self._time, self._texts))
        return set[RunKey]().union(*(self._streaming[job] for job in jobs))

    def _note_streaming(self, jobs: Iterable[JobName], runs: Collection[RunKey]) -> None:
        for job in jobs:
            self._streaming[job] = {run for run in runs if run.job == job}

    def close(self) -> None:
        """Closes what is in memory."""
        self.memory.close()

    def _hear(self, names: Collection[DatasetName]) -> set[DatasetName]:
        """Reads all that is known of names, and of those at which the same may be shown; returns all of them.

        These are the names that links lead to, and those that a name got, or had before, by a renaming. A renaming is
        only known once all is read of one of its two names.
        """
        found: set[DatasetName] = set()
        waiting = set(names)
        if self._only_jobs:
            waiting = past_letters.tied_among(self._graph, waiting - self._heard.keys())
        while waiting:
            around = self._around(waiting)
            self._read_new(around - self._heard.keys())
            found |= around
            waiting = set[DatasetName]().union(*(self._renamed[name] for name in around)) - found
        return found

    def _read_new(self, names: Collection[DatasetName]) -> None:
        """Reads the jobs and statements that give names, and draws what they say."""
        if not names:
            return
        at = [ids.name(name) for name in sorted(names)]
        for name in names:
            self._heard[name] = set()
        for edge in self._graph.edges_at(at, schema.NAMED, "in"):
            self._heard[ids.dataset_name(edge.target)].add(ids.job_name(edge.source))
        said = statements.at(self._graph, at, self._time)
        self._load(set[JobName]().union(*(self._heard[name] for name in names)), said, names)

    def _around(self, names: Iterable[DatasetName]) -> set[DatasetName]:
        """Returns names with all that links lead to from there, or ever led to."""
        found: set[DatasetName] = set()
        waiting = set(names)
        while waiting:
            found |= waiting
            further: set[DatasetName] = set()
            for document in self._documents.get(waiting).values():
                further |= document.facts.linked_with | document.facts.same
            waiting = further - found
        return found

    def _load(self, jobs: set[JobName], said: Collection[str], heard: Collection[DatasetName] = ()) -> None:
        """Draws what is known of jobs, and of the names of some statements.

        Args:
            jobs: The jobs.
            said: The ids of the statements.
            heard: Names to note the jobs of the statements with.
        """
        if not jobs and not said:
            return
        found = self._read(said)
        for one in found.values():
            jobs = jobs | self._jobs_of(one, heard)
        new = jobs - self._loaded.keys()
        gathered = Gathered(self._time, self._texts)
        # That a run streams may follow from any statement of its job.
        all_said = list({**found, **self._stated(jobs)}.values())
        gathered.add_statements(all_said, streaming_runs(self._graph, all_said, self._time, self._texts))
        self._note_streaming(new, gathered.streaming)
        self._kept.read([ids.job(job) for job in new])
        for job, runs in self._runs(new).items():
            self._kept.note(job, ends_of(runs.values()))
            finite = {run: facts for run, facts in runs.items() if RunKey(job, run) not in gathered.streaming}
            gathered.add_runs(job, finite)
        delta = gathered.facts()
        for job in new:
            self._loaded[job] = gathered.names[job]
        self._draw(delta)

    def _jobs_of(self, statement: Statement, heard: Collection[DatasetName]) -> set[JobName]:
        """Returns the jobs of a statement; notes that they give those names of it that are being heard of."""
        mentioned = mentioned_in(self._texts.fetch([statement.context])[statement.context])
        jobs = statements.jobs_of(statement) | set(mentioned.jobs)
        for name in heard:
            if name in mentioned.names:
                self._heard[name] |= jobs
        return jobs

    def _draw(self, delta: Delta) -> None:
        """Adds facts to what is drawn, with the links that configuration makes of all that is known of their names."""
        known = Delta(names={name: self._names[name] for name in delta.names if name in self._names})
        merge(known, Delta(names=delta.names))
        for name, document in self._documents.get(known.names).items():
            # The graph does not have the moment since when it is, nor all names that it was linked with after that.
            if document.facts.is_crowded:
                known.names[name] = replace(known.names[name], is_crowded=True)
        configure(known.names, self._rules)
        for name, facts in known.names.items():
            self._names[name] = join_names(self._names[name], facts) if name in self._names else facts
        merge(delta, Delta(names=known.names))
        for old, new in renamings(delta):
            self._renamed[old].add(new)
            self._renamed[new].add(old)
        self._writer.apply(delta)

    def _stated(self, jobs: Collection[JobName]) -> dict[str, Statement]:
        at = [ids.job(job) for job in sorted(jobs)]
        return self._read(statements.at(self._graph, at, self._time)) if at else {}

    def _read(self, said: Collection[str]) -> dict[str, Statement]:
        return statements.read(self._graph, sorted(said))

    def _runs(self, jobs: Collection[JobName]) -> dict[JobName, dict[str, RunFacts]]:
        """Reads all runs of jobs."""
        found: dict[JobName, dict[str, RunFacts]] = {job: {} for job in jobs}
        for run, facts in runs_of(self._graph, self._texts, jobs).items():
            found[run.job][run.id] = facts
        return found
