"""From facts to the graph: facts first, then the views that follow from them.

The order makes a crash harmless. Facts are written before what is derived from them, and a view says which revision of
the facts it shows, so whoever meets one that lags behind draws it anew: after a crash the same records come again, and
with them the same facts.

1. long values, 2. the vertices of new jobs, 3. runs, 4. what is current of their jobs, 5. names and their links, 6. the
datasets that are shown, 7. the edges of the jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consumer.errors import TransientError
from consumer.graph.documents import MOST_TRIES, Document
from consumer.graph.job_edges import JobEdges
from consumer.graph.jobs import Jobs, written
from consumer.graph.names import Names
from consumer.graph.nodes import Nodes
from consumer.graph.runs import Runs
from consumer.graph.store import GraphStore
from consumer.graph.texts import Texts
from consumer.lineage.delta import Delta, JobFacts, JobName, RunFacts
from schemas.naming import DatasetName

MIB = 1 << 20


class Cached(NamedTuple):
    """How many bytes of memory each kind of what is kept at hand may take; 64 MiB in all, some 2,500 models."""

    runs: int = 8 * MIB
    jobs: int = 24 * MIB
    names: int = 12 * MIB
    nodes: int = 8 * MIB
    texts: int = 12 * MIB


class GraphWriter:
    """Writes facts into a graph, together with any number of others that do the same.

    Not for use by several threads at once.
    """

    def __init__(self, store: GraphStore, cached: Cached = Cached()) -> None:  # noqa: B008 - it can't be changed
        self._store = store
        self._cached = cached
        self._begin()

    def _begin(self) -> None:
        """Knows nothing of the graph, as at the start."""
        store, cached = self._store, self._cached
        self._texts = Texts(store, cached.texts)
        self._runs = Runs(store, cached.runs)
        self._jobs = Jobs(store, self._runs, cached.jobs)
        self._names = Names(store, self._texts, cached.names)
        self._nodes = Nodes(store, self._names, self._texts, cached.nodes)
        self._edges = JobEdges(store, self._jobs.documents, self._names, self._nodes, self._texts)

    def apply(self, delta: Delta) -> None:
        """Adds facts to the graph; afterwards they are there, and what is shown follows from them.

        It may be done again with the same facts, wholly or in part, at any time.

        Raises:
            TransientError: The graph can't serve now; any part of the facts may be there already.
        """
        try:
            self._apply(delta)
        except BaseException:
            # How far it came is not known, nor what others did meanwhile.
            self._begin()
            raise

    def _apply(self, delta: Delta) -> None:
        self._texts.put(delta.contents)
        owners = {job for facts in delta.runs.values() for job in facts.jobs}
        self._jobs.ensure(delta.jobs, owners)
        runs = self._runs.update(delta.runs)
        jobs = self._count(delta.jobs, runs)
        named = self._names.update(delta.names, written(jobs))
        self._nodes.draw(named.groups)
        self._show(list(jobs), named.hidden)

    def _count(
        self, facts: Mapping[JobName, JobFacts], runs: Mapping[str, Document[RunFacts]]
    ) -> dict[JobName, Document[JobFacts]]:
        """Brings jobs to what their runs make current, until no run has changed meanwhile."""
        jobs = self._jobs.update(facts, runs)
        for _ in range(MOST_TRIES):
            moved = self._runs.moved(runs) if runs else []
            if not moved:
                return jobs
            runs = self._runs.read(moved)
            jobs |= self._jobs.update({}, runs)
        raise TransientError(f"{len(runs)} runs are changed by others all the time")

    def _show(self, jobs: Sequence[JobName], hidden: Sequence[DatasetName]) -> None:
        """Draws the edges of jobs; moves those of datasets that have come to be shown under another name."""
        standing = self._nodes.standing(hidden)
        # At the heir, too: what a job said of one name may now be in force for the output that it calls by the other.
        heirs = dict.fromkeys(self._names.shown_as(standing).values(), ())
        moved = self._edges.around({**heirs, **standing}) if standing else set()
        self._jobs.touch(moved)
        self._edges.draw(list(dict.fromkeys((*jobs, *sorted(moved)))))
        self._nodes.drop(standing)
