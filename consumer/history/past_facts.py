"""The facts that were known at a moment: of runs by their end, of all other events by their own time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore
from consumer.history.past_streams import had_ended, streaming_runs
from consumer.lineage.facts.contexts import facts_of, load_context
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

_TEXTS = 16 * 1024 * 1024
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
    texts = BlobStore(store, _TEXTS)
    said = list(statements.until(store, time))
    streaming = streaming_runs(store, said, time, texts)
    # Of a run that ends, it is the run itself that counts.
    said = [statement for statement in said if streaming.issuperset(statement.runs)]
    delta = Delta()
    contexts: dict[str, str] = {}
    kept = _Kept(store)
    for job, all_runs in _runs_by_job(store, texts, streaming):
        kept.note(job, all_runs.values())
        runs = {run: facts for run, facts in all_runs.items() if had_ended(facts, time)}
        for facts in runs.values():
            _note(contexts, facts)
        for run in resting_on(job, runs):
            delta.runs[RunKey(job, run)] = runs[run]
        if not all(facts.contexts for facts in runs.values()):
            merge(delta, _without_contexts(job, runs.values()))
    for ref, text in texts.fetch(contexts).items():
        if text:
            merge(delta, load_context(text, contexts[ref]))
    told = texts.fetch({statement.context for statement in said})
    for statement in said:
        merge(delta, facts_of(statement, told[statement.context]))
    _configure(delta.names, rules)
    return Past(delta, streaming, kept.since)


def _note(contexts: dict[str, str], facts: RunFacts) -> None:
    """Notes contexts with the latest time at which each was said: of equal values, the newest alone counts."""
    for ref, time in facts.contexts.items():
        contexts[ref] = max(time, contexts.get(ref, ""))


class _Kept:
    """Runs of jobs that prunes have left.

    Attributes:
        since: The moment since when a run is known wherever one was current; empty if nothing was pruned.
    """

    def __init__(self, store: GraphStore) -> None:
        self.since = statements.pruned_until(store)
        self._pruned_until: dict[JobName, str] = {}
        last = ""
        while page := store.ids(schema.JOB, last, _PAGE):
            for id_, properties in store.read(page, (PRUNED_UNTIL,)).items():
                if properties.get(PRUNED_UNTIL):
                    self._pruned_until[ids.job_name(id_)] = str(properties[PRUNED_UNTIL])
            last = page[-1]

    def note(self, job: JobName, runs: Iterable[RunFacts]) -> None:
        """Notes all runs of a job: after those that were pruned, it is known again with the next that completed."""
        until = self._pruned_until.get(job)
        if until is not None:
            ends = (facts.ended_at or "" for facts in runs if facts.state is not None and facts.state.name == COMPLETE)
            self.since = max(self.since, min((end for end in ends if end > until), default=""))


def _runs_by_job(
    store: GraphStore, texts: BlobStore, streaming: frozenset[RunKey]
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
        for id_ in page:
            if id_ in known:
                yield ids.run_key(id_), facts_codec.load_run(known[id_])
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


def _configure(names: dict[DatasetName, NameFacts], rules: IdentityRules) -> None:
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
