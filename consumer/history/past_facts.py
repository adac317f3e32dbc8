"""The facts that were known at a moment: of runs by their end, of all other events by their own time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from consumer.graph import facts_codec, ids, schema
from consumer.graph.facts.run_datasets import finite_runs
from consumer.graph.store import GraphStore
from consumer.history.past_streams import had_ended, streaming_runs
from consumer.lineage.facts.contexts import Statement, facts_of, load_context
from consumer.lineage.facts.current import completed, recount
from consumer.lineage.facts.delta import Delta, JobFacts, NameFacts, merge
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.output_facets import NOTHING_CARRIED, CarriedFacets
from consumer.lineage.facts.run_facts import RunFacts
from consumer.lineage.identity import IdentityRules
from consumer.projection.blobs import BlobStore
from consumer.projection.history import statements
from consumer.projection.jobs import PRUNED_UNTIL, from_run
from schemas.naming import DatasetName

_PAGE = 5_000
"""Runs that are read at once."""

COMPLETE = "COMPLETE"

CACHED_TEXTS = 16 * 1024 * 1024
"""Characters of contexts and of facts that runs share that are kept in memory."""


class Past(NamedTuple):
    """The facts of a moment.

    Attributes:
        facts: All that the graph of that moment follows from; of finished runs, those alone that it rests on.
        streaming: The streaming runs of that moment, which are all in `facts`.
        known_since: The moment since when all is known, as a prune has removed older runs; empty if none has.
    """

    facts: Delta
    streaming: frozenset[RunKey]
    known_since: str = ""


def past_facts(store: GraphStore, time: str, rules: IdentityRules) -> Past:
    """Reads what was known at a moment.

    Args:
        store: The graph.
        time: The moment, as events have it (`schemas.timestamps`).
        rules: Which names are one dataset by configuration; the present rules hold for the past too.

    Raises:
        TransientError: The store can't serve now.
    """
    said = list(statements.until(store, time))
    texts = BlobStore(store, CACHED_TEXTS)
    gathered = Gathered(time, texts)
    gathered.add_statements(said, streaming_runs(store, said, time, texts))
    kept = Kept(store, statements.pruned_until(store))
    kept.read_all()
    for job, all_runs in _runs_by_job(store, texts, gathered.streaming):
        kept.note(job, ends_of(all_runs.values()))
        gathered.add_runs(job, all_runs)
    delta = gathered.facts()
    configure(delta.names, rules)
    return Past(delta, frozenset(gathered.streaming), kept.since)


class Gathered:
    """The facts of jobs at a moment, put together from their runs and statements.

    Args:
        time: The moment.
        texts: The texts of contexts.

    Attributes:
        streaming: The streaming runs, by statements.
        names: The names that each job gave.
    """

    def __init__(self, time: str, texts: BlobStore) -> None:
        self.streaming: set[RunKey] = set()
        self.names: defaultdict[JobName, set[DatasetName]] = defaultdict(set)
        self._time = time
        self._texts = texts
        self._delta = Delta()
        self._contexts: dict[str, str] = {}
        self._said: list[Statement] = []

    def add_statements(self, said: Iterable[Statement], streaming: Collection[RunKey]) -> None:
        """Adds statements of that time, given which runs were streaming: of others, the runs themselves count."""
        self.streaming.update(streaming)
        self._said += [statement for statement in said if self.streaming.issuperset(statement.runs)]

    def add_runs(self, job: JobName, all_runs: Mapping[str, RunFacts]) -> None:
        """Adds the runs of a job, but for streaming ones; those count that had ended."""
        runs = {run: facts for run, facts in all_runs.items() if had_ended(facts, self._time)}
        for facts in runs.values():
            _note(self._contexts, facts)
        for run in resting_on(job, runs):
            # What contexts say is read from all runs.
            self._delta.runs[RunKey(job, run)] = replace(runs[run], contexts={})
        if not all(facts.contexts for facts in runs.values()):
            self._merge(_without_contexts(job, runs.values()))

    def facts(self) -> Delta:
        """Returns the facts, but for what configuration says of names.

        Raises:
            TransientError: The store can't serve now.
        """
        for ref, text in self._texts.fetch(self._contexts).items():
            if text:
                self._merge(load_context(text, self._contexts[ref]))
        told = self._texts.fetch({statement.context for statement in self._said})
        for statement in self._said:
            self._merge(facts_of(statement, told[statement.context]))
        return self._delta

    def _merge(self, facts: Delta) -> None:
        for job in facts.jobs:
            self.names[job].update(facts.names)
        merge(self._delta, facts)


def _note(contexts: dict[str, str], facts: RunFacts) -> None:
    """Notes contexts with the latest time at which each was said: of equal values, the newest alone counts."""
    for ref, time in facts.contexts.items():
        contexts[ref] = max(time, contexts.get(ref, ""))


class Kept:
    """Runs of jobs that prunes have left.

    Args:
        store: The graph.
        since: The moment since when all statements are known.

    Attributes:
        since: The moment since when a run is known wherever one was current; empty if nothing was pruned.
    """

    def __init__(self, store: GraphStore, since: str) -> None:
        self.since = since
        self._store = store
        self._pruned_until: dict[JobName, str] = {}

    @property
    def pruned(self) -> Collection[JobName]:
        """The jobs that were read, and of which runs were pruned."""
        return self._pruned_until.keys()

    def read_all(self) -> None:
        """Reads until when the runs of each job were pruned."""
        last = ""
        while page := self._store.ids(schema.JOB, last, _PAGE):
            self.read(page)
            last = page[-1]

    def read(self, jobs: Collection[str]) -> None:
        """Reads the same of some jobs, given by the ids of their vertices."""
        for id_, properties in self._store.read(jobs, (PRUNED_UNTIL,)).items():
            if properties.get(PRUNED_UNTIL):
                self._pruned_until[ids.job_name(id_)] = str(properties[PRUNED_UNTIL])

    def note(self, job: JobName, completed_at: Iterable[str]) -> None:
        """Notes the ends of all completed runs of a job: after those that were pruned, it is known with the next."""
        until = self._pruned_until.get(job)
        if until is not None:
            self.since = max(self.since, min((end for end in completed_at if end > until), default=""))


def ends_of(runs: Iterable[RunFacts]) -> Iterator[str]:
    """Yields the ends of those runs that completed."""
    for facts in runs:
        if facts.state is not None and facts.state.name == COMPLETE:
            yield facts.ended_at or ""


def _runs_by_job(
    store: GraphStore, texts: BlobStore, streaming: Collection[RunKey]
) -> Iterator[tuple[JobName, dict[str, RunFacts]]]:
    """Yields the runs of each job but for streaming ones; ids of runs sort by job."""
    job: JobName | None = None
    runs: dict[str, RunFacts] = {}
    for run, facts in _runs(store, texts):
        if run.job != job:
            if job is not None and runs:
                yield job, runs
            job, runs = run.job, {}
        if run not in streaming:
            runs[run.id] = facts
    if job is not None and runs:
        yield job, runs


def _runs(store: GraphStore, texts: BlobStore) -> Iterator[tuple[RunKey, RunFacts]]:
    last = ""
    while page := store.ids(schema.RUN, last, _PAGE):
        known = texts.structures(store.read(page, facts_codec.KEYS))
        runs = {ids.run_key(id_): facts_codec.load_run(known[id_]) for id_ in page if id_ in known}
        yield from finite_runs(store, runs).items()
        last = page[-1]


def resting_on(job: JobName, runs: Mapping[str, RunFacts]) -> set[str]:
    """Returns the runs that the lineage of a job rests on, of all its runs that had ended."""
    current = recount(runs)
    found = set(current.runs)
    if current.finished is not None:
        found.add(current.finished.id)
    in_force: dict[DatasetName, CarriedFacets] = {}
    for run, facts in runs.items():
        if completed(run, facts) is not None:
            for name, carried in from_run(RunKey(job, run), facts).items():
                in_force[name] = in_force.get(name, NOTHING_CARRIED).join(carried)
    return found.union(carrier.run for carried in in_force.values() for carrier, _ in carried.layers)


def _without_contexts(job: JobName, runs: Iterable[RunFacts]) -> Delta:
    """Returns the job and the names of runs that an older version wrote, which kept no contexts."""
    delta = Delta(jobs={job: JobFacts()})
    for facts in runs:
        for name in facts.inputs | facts.outputs | facts.carried.keys():
            of_one = NameFacts(said=True, read=name in facts.inputs, used=name in facts.inputs | facts.outputs)
            merge(delta, Delta(names={name: of_one}))
    return delta


def configure(names: dict[DatasetName, NameFacts], rules: IdentityRules) -> None:
    """Adds the links that configuration makes between names."""
    links: defaultdict[DatasetName, set[DatasetName]] = defaultdict(set)
    for name, facts in names.items():
        for one, other in rules.all_links(name, read=facts.read) if facts.said else ():
            links[one].add(other)
            links[other].add(one)
    for name, others in links.items():
        merge(into := Delta(names={name: names.get(name, NameFacts())}), Delta(names={name: _same(others)}))
        names[name] = into.names[name]


def _same(others: Iterable[DatasetName]) -> NameFacts:
    return NameFacts(same=frozenset(others))
