"""Notes since when jobs are what they are now, and of which names the past may differ from the present.

As long as the runs of a job that end read and write the same, nothing is written. So the lineage of such a job at a
moment is found where the present one is, without a look at its runs. What is noted is cautious: where it does not
follow from a run and the job's document alone, the job counts as unsettled, and its past is computed from its runs.

Of a name it is noted if it was ever linked, dropped or renamed, if an exposure used it, if a statement gave it, and if
a job gave it that has changed since, or whose past can't be derived from its runs alone. The writer of a run
notes the names of the run if its job is something else by then, and the writer of a job's latest run those of the
latest run before, which the job's vertex has.

Others may write at the same time, and each may die after any of its calls. A name is marked as linked before the jobs
that gave it are looked for, and a job's edges to its names are there before the marks of these are read. So one of two
writers sees what the other has done, whatever they remember of names and jobs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

import orjson

from consumer.caches.recent_map import RecentMap
from consumer.caches.recent_set import RecentSet
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore, Scalar
from consumer.lineage.facts.contexts import Statement
from consumer.lineage.facts.current import completed, ended
from consumer.lineage.facts.delta import Delta, JobFacts, NameFacts
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.registers import as_json, compact
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.facts.settled import TOOL_FACETS, Settled, is_alike, shape_of, tool_of
from consumer.lineage.mentions import Mentioned
from consumer.projection.alias_sets import NameDocuments, Names, is_linked
from consumer.projection.documents.fact_document import FactDocument, FactUpdate
from consumer.projection.history import statements
from consumer.projection.history.named_edges import NamedEdges
from consumer.projection.history.past_letters import (
    FORMER,
    NOTED,
    PAST,
    STATED,
    TIED,
    all_letters,
    letters_of,
    tied_among,
    with_letters,
)
from consumer.projection.jobs import GIVES, LED_TO, SETTLED, JobDocuments, Jobs
from consumer.projection.runs import AMENDED, RunDocuments, Runs
from consumer.retry import ConflictLimit
from schemas.counted import counted
from schemas.naming import DatasetName

_REMEMBERED = 15_000
"""Contexts of which the names were looked at, and jobs whose latest run is known; up to twice as many are."""


class _Ran(NamedTuple):
    """A run that has ended.

    Attributes:
        id: Its id.
        facts: Its facts.
        amended: True if more was said of it after it had ended.
        contexts: The references of its contexts, oldest first.
        about: What these are about.
    """

    id: str
    facts: RunFacts
    amended: bool
    contexts: tuple[str, ...]
    about: tuple[Mentioned, ...]

    @property
    def tool(self) -> str:
        """A hash of what its job's tool is called by, by its events."""
        said: dict[str, str] = {}
        for one in self.about:
            said.update({facet: one.facets[facet] for facet in TOOL_FACETS if facet in one.facets})
        return tool_of(said.get)

    @property
    def names(self) -> set[DatasetName]:
        """The names that it gave."""
        return {name for one in self.about for name in one.names}


class Settling:
    """Keeps the notes of jobs and names.

    Args:
        store: The graph.
        runs: Its runs.
        jobs: Its jobs.
        names: Its names.
        named: What contexts are about.
    """

    def __init__(self, store: GraphStore, runs: Runs, jobs: Jobs, names: Names, named: NamedEdges) -> None:
        self._store = store
        self._runs = runs
        self._jobs = jobs
        self._names = names
        self._named = named
        self._checked: RecentSet[bytes] = RecentSet(_REMEMBERED)
        """Contexts whose names were looked at after the edges to them were in the graph."""
        self._as_before: RecentMap[JobName, bytes] = RecentMap(_REMEMBERED)
        """Hashes of the notes of jobs and of the contexts of the latest runs that they follow from."""

    def forget_all(self) -> None:
        """Drops what is known of the graph."""
        self._checked.clear()
        self._as_before.clear()

    def note(self, delta: Delta) -> None:
        """Notes what follows from facts that were written.

        Raises:
            TransientError: The store can't serve now.
        """
        documents = {
            run: document
            for run, document in self._runs.documents.get(delta.runs).items()
            if document.stored and ended(document.facts)
        }
        ran = self._changed(documents)
        said = self._named.mentioned({one.context for one in delta.statements}) if delta.statements else {}
        runs = [document.facts for document in documents.values()]
        about = [one for of_job in ran.values() for run in of_job for one in run.about]
        self._flag(letters_of(delta, runs, [*said.values(), *about]))
        stated = self._stated(delta.statements, said)
        self._never(stated)
        self._flag(dict.fromkeys((name for names in stated.values() for name in names), STATED))
        self._settle(ran)
        self._remember(ran)

    def index_names(self, names: Collection[DatasetName], *, is_indexed: bool) -> None:
        """Notes links of names that no event has brought: of a change of the rules, or of an older version's graph.

        Args:
            names: The names.
            is_indexed: False for a graph of an older version, of which any name may be one that a job gave before.

        Raises:
            TransientError: The store can't serve now.
        """
        known = {name: one.facts for name, one in self._names.documents.get(names).items() if one.stored}
        if is_indexed:
            self._flag({name: TIED for name, facts in known.items() if is_linked(facts)})
        else:
            self._flag({name: all_letters(facts) for name, facts in known.items()})

    def index_statements(self, said: Collection[str]) -> None:
        """Notes that the past of the jobs and names of statements can't be derived from runs alone.

        Raises:
            TransientError: The store can't serve now.
        """
        edges = self._store.edges_at(said, schema.STATED, "out") if said else []
        ends = {tuple(ids.parse(edge.target)) for edge in edges}
        self._never({JobName(*name) for kind, *name in ends if kind == "job"})
        self._flag({DatasetName(*name): STATED for kind, *name in ends if kind == "name"})

    def _changed(self, documents: RunDocuments) -> dict[JobName, list[_Ran]]:
        """Returns those of some runs that may change what is noted with their jobs, or with the names that they gave.

        A run that is its job's latest, with the contexts of the one before and the same datasets, changes nothing.
        """
        jobs = self._jobs.documents.get({run.job for run in documents})
        contexts = {run: _in_order(document.facts) for run, document in documents.items()}
        new = {
            run: document
            for run, document in documents.items()
            if document.properties.get(AMENDED)
            or not _is_latest(run, jobs[run.job])
            or self._as_before.get(run.job) != _noted_for(jobs[run.job], contexts[run])
        }
        mentioned = self._named.mentioned({ref for run in new for ref in contexts[run]}) if new else {}
        found: defaultdict[JobName, list[_Ran]] = defaultdict(list)
        for run, document in new.items():
            amended = bool(document.properties.get(AMENDED))
            about = tuple(mentioned[ref] for ref in contexts[run])
            found[run.job].append(_Ran(run.id, document.facts, amended, contexts[run], about))
        return found

    def _remember(self, ran: Mapping[JobName, list[_Ran]]) -> None:
        """Remembers the notes of jobs, and the runs that they follow from."""
        for job, document in self._jobs.documents.get(ran).items():
            for run in ran[job]:
                is_known = Settled.parse(document.properties.get(SETTLED)).is_known
                if is_known and not run.amended and _is_latest(RunKey(job, run.id), document):
                    self._as_before.put(job, _noted_for(document, run.contexts))

    @staticmethod
    def _stated(said: Iterable[Statement], about: Mapping[str, Mentioned]) -> dict[JobName, set[DatasetName]]:
        """Returns the names that statements give, by their job."""
        found: defaultdict[JobName, set[DatasetName]] = defaultdict(set)
        for one in said:
            for job in statements.jobs_of(one).union(about[one.context].jobs):
                found[job].update(about[one.context].names)
        return found

    def _flag(self, flags: Mapping[DatasetName, str]) -> None:
        """Adds letters to names, and notes with the jobs that gave a tied name that their past depends on it."""

        def plan(found: NameDocuments) -> Iterator[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name, document in found.items():
                letters = with_letters(document, flags[name])
                if document.stored and letters != document.properties.get(PAST):
                    yield name, FactUpdate(document.facts, {PAST: letters})

        known = self._names.documents.get(flags)
        new = [
            name for name, one in known.items() if with_letters(one, flags[name]) != (one.properties.get(PAST) or "")
        ]
        if new:
            self._names.documents.update(sorted(new), plan)
        self._note_jobs_of([name for name, letters in flags.items() if TIED in letters])

    def _note_jobs_of(self, names: Collection[DatasetName]) -> None:
        """Notes with the jobs that gave tied names that their past depends on these."""
        # Also of names that have the mark: the writer that set it may have died then.
        known = self._names.documents.get(names)
        tied = sorted(name for name, one in known.items() if NOTED not in str(one.properties.get(PAST) or ""))
        if tied:
            edges = self._store.edges_at([ids.name(name) for name in tied], schema.NAMED, "in")
            self._never({ids.job_name(edge.source) for edge in edges})
            self._flag(dict.fromkeys(tied, NOTED))

    def _never(self, jobs: Collection[JobName]) -> None:
        """Notes that the past of jobs can't be derived from their runs alone."""

        def plan(found: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            for job, document in found.items():
                known = Settled.parse(document.properties.get(SETTLED))
                if document.stored and not known.is_never:
                    yield job, FactUpdate(document.facts, {SETTLED: str(known._replace(is_never=True))})

        known = self._jobs.documents.get(jobs)
        new = [job for job, one in known.items() if not Settled.parse(one.properties.get(SETTLED)).is_never]
        if new:
            self._jobs.documents.update(sorted(new), plan)
        self._lead_to(jobs)

    def _lead_to(self, jobs: Collection[JobName]) -> None:
        """Marks the names that jobs without a moment gave: their edges may be gone, so they are found from there.

        The writer of a run looks at its job once the edges to the run's names are there, and this one looks for edges
        once the job has its note. So one of them marks each name.
        """

        def plan(found: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            for job, document in found.items():
                if document.stored:
                    yield job, FactUpdate(document.facts, {LED_TO: True})

        # Also of jobs that have the note: the writer that set it may have died then.
        new = sorted(job for job, one in self._jobs.documents.get(jobs).items() if not one.properties.get(LED_TO))
        if new:
            edges = self._store.edges_at([ids.job(job) for job in new], schema.NAMED, "out")
            self._flag({ids.dataset_name(edge.target): FORMER for edge in edges})
            self._jobs.documents.update(new, plan)

    def _settle(self, ran: Mapping[JobName, list[_Ran]]) -> None:
        """Notes since when jobs are what they are now, by runs that have ended."""
        runs = [run for of_job in ran.values() for run in of_job]
        new = [run for run in runs if not self._are_checked(run.contexts)]
        tied = tied_among(self._store, {name for run in new for name in run.names})
        conflicts = ConflictLimit()
        while True:
            documents = self._jobs.documents.get(ran)
            known = {job: document for job, document in documents.items() if _changes(document, ran[job], tied)}
            former = (name for job, document in documents.items() for name in _former(document, ran[job], tied))
            self._flag(dict.fromkeys(former, FORMER))
            if not known:
                break
            self._note(known, ran, tied)
            conflicts.count(counted(len(known), "job"))
        for run in new:
            for ref in run.contexts:
                self._checked.add(compact(ref))

    def _are_checked(self, contexts: Iterable[str]) -> bool:
        return all(compact(ref) in self._checked for ref in contexts)

    def _note(self, known: JobDocuments, ran: Mapping[JobName, list[_Ran]], tied: Collection[DatasetName]) -> None:
        """Notes since when jobs are what they are now, unless others have changed them meanwhile."""

        def plan(found: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            for job, document in found.items():
                if document.token == known[job].token:
                    yield job, FactUpdate(document.facts, _noted(document, ran[job], tied))

        self._jobs.documents.update(sorted(known), plan, retry=False)


def _in_order(facts: RunFacts) -> tuple[str, ...]:
    """Returns the references of a run's contexts, oldest first."""
    contexts = facts.contexts
    return tuple(sorted(contexts, key=lambda ref: (contexts[ref], ref)))


def _noted_for(document: FactDocument[JobFacts], contexts: Iterable[str]) -> bytes:
    """Returns a hash of a job's note and of the contexts of a run."""
    return blake2b("\0".join([str(document.properties.get(SETTLED)), *contexts]).encode(), digest_size=16).digest()


def _is_latest(run: RunKey, document: FactDocument[JobFacts]) -> bool:
    """True if a run is its job's latest, and has no siblings."""
    current = document.facts.ran
    return current.latest is not None and current.latest.id == run.id and not current.siblings


def _changes(document: FactDocument[JobFacts], ran: list[_Ran], tied: Collection[DatasetName]) -> bool:
    return any((document.properties.get(key) or "") != value for key, value in _noted(document, ran, tied).items())


def _noted(document: FactDocument[JobFacts], ran: list[_Ran], tied: Collection[DatasetName]) -> dict[str, Scalar]:
    """Returns the notes of a job: since when it is what it is now, and the names that its latest run gave."""
    found: dict[str, Scalar] = {SETTLED: str(_settled(document, ran, tied))}
    latest = document.facts.ran.latest
    for run in ran:
        if latest is not None and run.id == latest.id:
            found[GIVES] = as_json(sorted(run.names))
    return found


def _former(document: FactDocument[JobFacts], ran: list[_Ran], tied: Collection[DatasetName]) -> set[DatasetName]:
    """Returns the names that a job gave and may give otherwise now.

    These are the names of runs unlike the latest, of one before, and all of a job without a moment: a JobEvent may have
    retired it, or one of its datasets may be dropped by now.
    """
    latest = document.facts.ran.latest
    known = Settled.parse(document.properties.get(SETTLED))
    unlike = (
        run.names
        for run in ran
        if known.is_never or not run.names.isdisjoint(tied) or not is_alike(completed(run.id, run.facts), latest)
    )
    found = set[DatasetName]().union(*unlike)
    if known.is_known:
        return found
    given = orjson.loads(str(document.properties.get(GIVES) or "[]"))
    return found.union(DatasetName(*name) for name in given)


def _settled(document: FactDocument[JobFacts], ran: list[_Ran], tied: Collection[DatasetName]) -> Settled:
    """Returns since when a job is what it is now, given runs of it that have ended."""
    known = Settled.parse(document.properties.get(SETTLED))
    never = known.is_never or any(not run.names.isdisjoint(tied) for run in ran)
    current = document.facts.ran
    latest, tool = current.latest, tool_of(document.facts.facets.ref)
    if latest is None:
        return Settled(never)
    shape = shape_of(latest)
    others = [run for run in ran if _differs(run, document.facts, tool)]
    if (known.shape, known.tool) == (shape, tool) and not others and not current.siblings:
        return known._replace(is_never=never)
    if current.siblings or not any(run.id == latest.id and run.tool == tool for run in ran):
        return Settled(never)
    return Settled(never, shape, tool, max([latest.time, *(run.facts.ended_at or "" for run in others)]))


def _differs(run: _Ran, job: JobFacts, tool: str) -> bool:
    """True if a run says something else than the latest one, or said it at another time than it says now."""
    execution = completed(run.id, run.facts)
    return run.amended or run.tool != tool or (execution is not None and not is_alike(execution, job.ran.latest))
