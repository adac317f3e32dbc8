"""Prune: removal of the facts of old runs; lineage stays.

A run may be removed once no event was about it for long enough, no current lineage of its job counts it, and no run
that it started exists. The removal is conditional on the facts that were examined: if a writer adds facts meanwhile,
they and the run are kept.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from consumer.graph import change_log, ids, schema
from consumer.graph.facts.run_datasets import datasets_apart
from consumer.graph.store import MAX_STEPS, Change, DropVertices, GraphStore, PropertyEquals, Vertex
from consumer.lineage.facts import current
from consumer.lineage.facts.delta import JobFacts
from consumer.lineage.facts.executions import GroupFacts
from consumer.lineage.facts.keys import GroupKey, JobName, RunKey
from consumer.lineage.facts.processing import has_datasets_apart
from consumer.lineage.facts.run_facts import RunFacts
from consumer.maintenance.leased_task import PAGE, Scan
from consumer.maintenance.prune_cutoffs import Cutoffs
from consumer.maintenance.statement_pruning import drop_repeated
from consumer.maintenance.text_pruning import TextPruning
from consumer.projection import jobs, runs
from consumer.projection.documents.fact_document import FactDocument, FactUpdate
from consumer.projection.repository import FactRepository

_TEXTS = "texts "
"""Beginning of a checkpoint within the removal of texts, which follows that of runs."""

_CACHED = 16 * 1024 * 1024


@dataclass(slots=True)
class PruneResult:
    """Result of a prune.

    Attributes:
        examined: Number of examined runs.
        removed: Number of runs that were removed, or would be.
    """

    examined: int = 0
    removed: int = 0


class Prune:
    """Maintenance job that removes old runs from a graph.

    Args:
        store: The graph; others may write to it meanwhile.
        find_cutoffs: Returns the event times before which a run's last event must be; called with the first step.
        scope: The age as text; an interrupted prune resumes only in the same scope.
        dry_run: Count runs without removing them. A run that started others is counted only once these are removed.
        page: Number of runs in a step.
        clock: Seconds since 1970, for texts that nothing has referred to for a while.
    """

    name = "prune"

    def __init__(
        self,
        store: GraphStore,
        find_cutoffs: Callable[[], Cutoffs],
        scope: str,
        *,
        dry_run: bool = False,
        page: int = PAGE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.scope = scope
        self.result = PruneResult()
        self._store = store
        self._find_cutoffs = find_cutoffs
        self._dry_run = dry_run
        self._scan = Scan(store, schema.RUN, page)
        self._texts = TextPruning(store, clock)

    @cached_property
    def cutoffs(self) -> Cutoffs:
        """The event times before which a run's last word has to be."""
        return self._find_cutoffs()

    def step(self, checkpoint: str) -> str | None:
        """Does the page after a checkpoint.

        Raises:
            TransientError: The graph can't serve now.
        """
        if checkpoint.startswith(_TEXTS):
            following = self._texts.step(checkpoint.removeprefix(_TEXTS))
            return None if following is None else f"{_TEXTS}{following}"
        page = self._scan.after(checkpoint)
        if not page:
            if self._dry_run:
                return None
            self._drop_undelivered()
            drop_repeated(self._store, self.cutoffs.before)
            return _TEXTS
        self.result.examined += len(page)
        known = self._read(map(ids.run_key, page))
        # A run that is known only as a parent has no age; it is removed with its last child.
        going = self._remove_old({run: document for run, document in known.items() if document.facts.known})
        while going:
            self.result.removed += len(going)
            if self._dry_run:
                break
            self._leave_groups(going)
            self._note_ends(going)
            parents = {runs.parent_of(document.facts) for document in going.values()} - {None, *going}
            going = self._remove_old(self._read(parent for parent in parents if parent is not None))
        return page[-1]

    def _drop_undelivered(self) -> None:
        """Takes old change records out of the outbox, as nothing delivers them; the log keeps them."""
        while old := change_log.pending(self._store, PAGE, until=self.cutoffs.before):
            change_log.acknowledge(self._store, old)

    def _read(self, wanted: Iterable[RunKey]) -> dict[RunKey, FactDocument[RunFacts]]:
        found = self._documents().get(wanted)
        return {run: document for run, document in found.items() if document.stored}

    def _remove_old(self, known: dict[RunKey, FactDocument[RunFacts]]) -> dict[RunKey, FactDocument[RunFacts]]:
        """Removes those runs that may be removed; returns them.

        Each is marked first and examined again after that. A concurrent writer that counts the run either was done
        before, which the second examination sees, or finds that the run has changed, and clears the mark.
        """
        old = self._without_needed({run: one for run, one in known.items() if self._is_old(one.facts)})
        if not old or self._dry_run:
            return old
        marked = self._documents().update(sorted(old), _mark, retry=False)
        going = self._without_needed({run: marked.documents[run] for run in marked.written})
        self._remove(going)
        # A removed vertex does not show whether the change was applied, so read it.
        there = self._store.read([ids.run(run) for run in going], ("rev",))
        return {run: document for run, document in going.items() if ids.run(run) not in there}

    def _remove(self, going: Mapping[RunKey, FactDocument[RunFacts]]) -> None:
        """Removes runs, and the separate vertices of the datasets that are stored apart."""
        apart = datasets_apart(self._store, [run for run, one in going.items() if has_datasets_apart(one.facts)])
        changes: list[Change] = []
        for run, document in going.items():
            parts = [ids.run_dataset(run, name) for name in sorted(apart.get(run, ()))]
            portions = [tuple(parts[at : at + MAX_STEPS]) for at in range(0, len(parts), MAX_STEPS)]
            changes += (_removal(run, document.token, portion) for portion in (*portions, (ids.run(run),)))
        self._store.write(changes)

    def _without_needed(self, known: dict[RunKey, FactDocument[RunFacts]]) -> dict[RunKey, FactDocument[RunFacts]]:
        needed = self._current(known) | self._parents(known) if known else set()
        return {run: document for run, document in known.items() if run not in needed}

    def _documents(self) -> FactRepository[RunKey, RunFacts]:
        return FactRepository(self._store, runs.KIND, _CACHED)

    def _is_old(self, facts: RunFacts) -> bool:
        """True if no event was about a run for long enough, or if it is known only as a parent.

        A run without an end may continue and needs its facts then, so it has a cutoff of its own. Many producers report
        no end of a run that was killed.
        """
        before = self.cutoffs.before if current.ended(facts) else self.cutoffs.unended_before
        return not facts.known or (facts.said_at or "") < before

    def _current(self, known: Collection[RunKey]) -> set[RunKey]:
        """Returns the runs that current lineage depends on."""
        documents = FactRepository(self._store, jobs.KIND, _CACHED).get({run.job for run in known})
        return {run for run in known if run.id in documents[run.job].facts.ran.runs}

    def _parents(self, known: Collection[RunKey]) -> set[RunKey]:
        """Returns the runs that started other existing runs."""
        edges = self._store.edges_at([ids.run(run) for run in known], schema.CHILD_OF, "in") if known else []
        return {ids.run_key(edge.target) for edge in edges if edge.source != edge.target}

    def _note_ends(self, gone: Mapping[RunKey, FactDocument[RunFacts]]) -> None:
        """Notes with jobs until when their past is not known any more."""
        until: defaultdict[JobName, str] = defaultdict(str)
        for run, document in gone.items():
            if document.facts.known:
                until[run.job] = max(until[run.job], document.facts.ended_at or "")

        def plan(known: jobs.JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            for job, document in known.items():
                if document.stored and until[job] > str(document.properties.get(jobs.PRUNED_UNTIL, "")):
                    yield job, FactUpdate(document.facts, {jobs.PRUNED_UNTIL: until[job]})

        FactRepository(self._store, jobs.KIND, _CACHED).update(sorted(until), plan)

    def _leave_groups(self, gone: Mapping[RunKey, FactDocument[RunFacts]]) -> None:
        """Removes runs from their groups, and removes groups that are empty then."""
        left: defaultdict[GroupKey, set[str]] = defaultdict(set)
        for run, document in gone.items():
            for parent in document.facts.parents:
                left[GroupKey(run.job, parent)].add(run.id)

        def plan(known: jobs.GroupDocuments) -> Iterator[tuple[GroupKey, FactUpdate[GroupFacts]]]:
            # After the groups were read: a writer that makes a run again counts it in its group after that.
            there = self._store.read([ids.run(run) for run in gone], ("rev",))
            for group, document in known.items():
                left[group] -= {run.id for run in gone if run.job == group.job and ids.run(run) in there}
                members = {shape: one for shape, one in document.facts.items() if one.id not in left[group]}
                if document.stored and members != document.facts:
                    empty = () if members else (DropVertices((ids.group(group),)),)
                    yield group, FactUpdate(members, {}, empty)

        FactRepository(self._store, jobs.GROUPS, _CACHED).update(sorted(left), plan, retry=False)


def _mark(known: runs.RunDocuments) -> Iterator[tuple[RunKey, FactUpdate[RunFacts]]]:
    for run, document in known.items():
        if document.stored:
            yield run, FactUpdate(document.facts, {runs.PRUNING: True})


def _removal(run: RunKey, token: str, vertices: tuple[str, ...]) -> Change:
    same = PropertyEquals("rev", token)
    return Change(Vertex(ids.run(run), schema.RUN, {}), same, same, (DropVertices(vertices),))
