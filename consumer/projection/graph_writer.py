"""From facts to the graph: facts first, then the projections that follow from them.

Any number of writers may do this at once, on any of the same facts. Each of them keeps to one rule: the writer that
changes the sources of a projection updates the projection afterwards, from documents that were in the store after that
change. A projection is written on the token that it was computed from, so an older one never replaces a newer one,
and the last to write it has seen all that was changed before. The order also makes a crash harmless: the same records
come again, and with them the same work.

1. Long values; the vertices of new jobs and names. 2. Runs. 3. What follows from runs: facets of outputs, groups of
siblings, the current executions of jobs; then names. 4. The vertices of datasets, and the edges of jobs. 5. Since when
jobs are what they are now.
"""

from __future__ import annotations

from typing import NamedTuple

from consumer.errors import TransientError
from consumer.graph.store import GraphStore
from consumer.lineage.facts.delta import Delta
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.processing import KnownStreams
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.projection.alias_sets import Names
from consumer.projection.blobs import EDITION, BlobStore
from consumer.projection.datasets import Nodes, SeenAt
from consumer.projection.documents.relied import Relied
from consumer.projection.history import statements
from consumer.projection.history.named_edges import NamedEdges
from consumer.projection.history.settling import Settling
from consumer.projection.job_edges import JobEdges
from consumer.projection.jobs import Jobs
from consumer.projection.lineage_sources import LineageSources
from consumer.projection.runs import RunDocuments, Runs
from consumer.projection.turn import Shared, Turn
from consumer.retry import ConflictLimit
from schemas.counted import counted
from schemas.naming import DatasetName

MIB = 1 << 20


class Cached(NamedTuple):
    """Maximum bytes of memory of the cache of each kind of documents; 40 MiB in all, for more than 10,000 models.

    As objects they take up to a third more than is counted. `make soak` holds the process to its 300 MB.
    """

    runs: int = 4 * MIB
    jobs: int = 21 * MIB
    names: int = 8 * MIB
    texts: int = 3 * MIB
    sources: int = 4 * MIB


CACHED = Cached()


class GraphWriter:
    """Writes facts into a graph, together with any number of others that do the same.

    Several threads may call `apply` at once if the store is for several threads; all else is for one thread. They share
    the caches, and compute in turns: while one waits for the store, another goes on.

    Args:
        store: The graph.
        cached: The size of the caches.
        rules: Which names are one dataset by configuration; those under which the facts were folded.
        turn: Of the threads; one of its own if none is given.
    """

    def __init__(
        self,
        store: GraphStore,
        cached: Cached = CACHED,
        rules: IdentityRules = NO_RULES,
        turn: Turn | None = None,
    ) -> None:
        self._turn = turn or Turn()
        self._store: GraphStore = Shared(store, self._turn)
        self._texts = BlobStore(self._store, cached.texts)
        named = NamedEdges(self._texts)
        self.runs = Runs(self._store, self._texts, cached.runs, named)
        self.jobs = Jobs(self._store, self.runs, cached.jobs)
        self.names = Names(self._store, self._texts, self.jobs.outputs, rules, cached.names)
        self.nodes = Nodes(self._store, self.names, self._texts)
        sources = LineageSources(self._texts, cached.sources)
        self.edges = JobEdges(self._store, self.jobs, self.names, self.nodes, self._texts, sources)
        self.settling = Settling(self._store, self.runs, self.jobs, self.names, named)

    def _forget_all(self) -> None:
        """Drops the caches, as at the start; threads that are at work go on with what they have read."""
        self._texts.forget_all()
        self.runs.forget_all()
        self.jobs.forget_all()
        self.names.documents.forget_all()
        self.settling.forget_all()

    def apply(self, delta: Delta) -> None:
        """Adds facts to the graph; afterwards they are there, and what is shown follows from them.

        It may be done again with the same facts, wholly or in part, at any time.

        Raises:
            TransientError: The graph can't serve now; any part of the facts may be there already.
        """
        with self._turn:
            try:
                self._apply(delta)
            except BaseException:
                # How far it came is not known, nor what others did meanwhile.
                self._forget_all()
                raise

    def _apply(self, delta: Delta) -> None:
        # Facts of another format are refused before anything is written.
        self.jobs.documents.get(delta.jobs)
        self.names.documents.get(delta.names)
        edition = self._texts.edition()
        self._texts.put(delta.contents)
        self.jobs.create(delta.jobs, {run.job for run in delta.runs} | {output.job for output in delta.declared})
        self.names.create(delta.names)
        statements.put(self._store, self._texts, delta.statements)
        streams = KnownStreams()
        self.jobs.note_streams(delta, streams)
        names = self._follow(delta, self.runs.update(delta.runs, streams), edition, streams)
        jobs = {run.job for run in delta.runs} | delta.jobs.keys()
        self.project(jobs, names, frozenset(jobs), seen_at=lambda name: _seen_at(delta, name))
        self.settling.note(delta)

    def _follow(self, delta: Delta, parents: RunDocuments, edition: str, streams: KnownStreams) -> set[DatasetName]:
        """Brings jobs, outputs and names to what follows from runs; returns the names.

        Args:
            delta: Facts that are written.
            parents: The parents of their runs.
            edition: The edition of the texts that were known to be stored before these facts were written.
            streams: The jobs that do not end, as they were known then.
        """
        relied = Relied(self._store, EDITION)
        conflicts = ConflictLimit()
        while True:
            relied.add(self.runs.documents, parents)
            self.jobs.note_streams(delta, streams)
            runs: RunDocuments = self.runs.known(delta.runs, streams)
            if not all(document.stored for document in runs.values()):
                raise TransientError("a run was pruned while it was written")
            _, outputs = self.jobs.update(delta.jobs, runs, delta.declared, relied, streams)
            names = self.names.update(delta.names, outputs, relied)
            if not relied.moved():
                if relied.watched_rev != edition:
                    self._texts.put_again({**delta.contents, **self.runs.shared_structures(delta.runs)})
                return set(names)
            parents = self.runs.hold(delta.runs)
            conflicts.count(f"{counted(len(delta.jobs), 'job')} or their runs")

    def project(
        self,
        jobs: set[JobName],
        names: set[DatasetName],
        certain: frozenset[JobName] = frozenset(),
        seen_at: SeenAt = lambda _: "",
    ) -> None:
        """Draws datasets and the edges of jobs.

        Args:
            jobs: Jobs whose edges may not show their facts.
            names: Names of datasets whose vertices may not show theirs.
            certain: Those of the jobs whose documents in the cache are known not to be older than the last change.
            seen_at: From a name to the time of an event that names it, for the record of a change.
        """
        conflicts = ConflictLimit()
        while True:
            relied = Relied(self._store)
            identity = self.nodes.identity(names, relied)
            # Another writer may have died, or be about to write them: the edges of a job need them now.
            self.names.complete(identity.groups, relied)
            drawn = self.nodes.draw(identity, relied, seen_at)
            places = self.nodes.moved(identity)
            moved = self.edges.around(places) if places.columns or places.names else set[JobName]()
            # A job that is found by its edges may have got them after its document was cached.
            edges = self.edges.draw(sorted(jobs | moved), relied, certain=certain - moved)
            settled = drawn and not edges.failed and self.nodes.settle(identity, places, relied, seen_at)
            if not relied.moved() and settled:
                return
            jobs, names, certain = jobs | moved, names | edges.names, frozenset()
            conflicts.count(f"{counted(len(jobs), 'job')} or their datasets")


def _seen_at(delta: Delta, name: DatasetName) -> str:
    """Returns the first time at which a run names a dataset; that of any event where none does."""
    ran = [
        facts.ended_at or facts.said_at or ""
        for facts in delta.runs.values()
        if name in facts.inputs or name in facts.outputs
    ]
    said = [statement.time for statement in delta.statements]
    return min(ran or said or [facts.said_at or "" for facts in delta.runs.values()], default="")
