"""Edges from jobs to the names that their ended runs gave: they only grow, and lead from a name to its history.

An edge is written in the same change as the facts of the run that gives the name, so a run that has ended is never
there without it. The runs of an unchanged model share their contexts, so nothing is written for most of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachetools import LRUCache

from consumer.caches.recent_set import RecentSet
from consumer.graph import ids, schema
from consumer.graph.store import Edge
from consumer.lineage.facts.current import ended
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.processing import PROCESSING, states_stream
from consumer.lineage.facts.registers import compact
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.mentions import Mentioned, mentioned_in
from consumer.projection.blobs import BlobStore
from schemas.naming import DatasetName

_REMEMBERED = 15_000
"""Contexts whose edges are known to be in the graph, and up to twice as many; a context is of one job."""
_PARSED = 1_000
"""Contexts that are not parsed again, which are those of some batches: one takes 2.5 KB."""


class NamedEdges:
    """The edges from jobs to names that a writer has to make.

    Args:
        texts: The texts of contexts.
    """

    def __init__(self, texts: BlobStore) -> None:
        self._texts = texts
        self._written: RecentSet[bytes] = RecentSet(_REMEMBERED)
        self._mentioned: LRUCache[str, Mentioned] = LRUCache(_PARSED)

    def forget_all(self) -> None:
        """Drops what is known to be in the graph."""
        self._written.clear()

    def missing(self, runs: Mapping[RunKey, RunFacts]) -> dict[RunKey, tuple[Edge, ...]]:
        """Returns the edges that may be missing, by the run that gives the names.

        Raises:
            TransientError: The store can't serve now.
        """
        new: dict[RunKey, list[str]] = {}
        for run, facts in runs.items():
            if ended(facts):
                new[run] = [ref for ref in facts.contexts if compact(ref) not in self._written]
        new = {run: of_run for run, of_run in new.items() if of_run}
        known = self.mentioned({ref for of_run in new.values() for ref in of_run}) if new else {}
        found: dict[RunKey, tuple[Edge, ...]] = {}
        for run, of_run in new.items():
            names = set[DatasetName]().union(*(known[ref].names for ref in of_run))
            if names:
                found[run] = edges(run.job, names)
        return found

    def mentioned(self, refs: Iterable[str]) -> dict[str, Mentioned]:
        """Returns what contexts are about, by reference.

        Raises:
            TransientError: The store can't serve now.
        """
        found = {ref: self._mentioned.get(ref) for ref in refs}
        unknown = [ref for ref, mentioned in found.items() if mentioned is None]
        texts = self._texts.fetch(unknown) if unknown else {}
        for ref in unknown:
            found[ref] = self._mentioned[ref] = mentioned_in(texts[ref])
        return {ref: mentioned for ref, mentioned in found.items() if mentioned is not None}

    def all_of(self, runs: Mapping[RunKey, RunFacts]) -> dict[RunKey, tuple[Edge, ...]]:
        """Returns all edges of runs, also of those that an older version wrote without contexts.

        Raises:
            TransientError: The store can't serve now.
        """
        self.forget_all()
        found = self.missing(runs)
        for run, facts in runs.items():
            # The statements of a streaming run lead to its names; of its events, a sign of life is no snapshot.
            streams = facts.snapshot is not None or states_stream(facts.facets.ref(PROCESSING) or "")
            if ended(facts) and not facts.contexts and not streams:
                found[run] = edges(run.job, facts.inputs | facts.outputs | facts.carried.keys())
        return found

    def note(self, runs: Iterable[RunFacts]) -> None:
        """Notes that the edges of runs are in the graph."""
        for facts in runs:
            for ref in facts.contexts if ended(facts) else ():
                self._written.add(compact(ref))


def edges(job: JobName, names: Iterable[DatasetName]) -> tuple[Edge, ...]:
    """Returns the edges from a job to names."""
    source = ids.job(job)
    targets = (ids.name(name) for name in sorted(names))
    return tuple(
        Edge(ids.edge_id(schema.NAMED, source, target), schema.NAMED, source, target, {}) for target in targets
    )
