"""The runs that were streams at a moment, by the processing types that had been stated by then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from consumer.graph import facts_codec, ids, schema
from consumer.graph.facts.run_datasets import finite_runs
from consumer.graph.store import GraphStore
from consumer.lineage.facts.contexts import Statement, load_context
from consumer.lineage.facts.current import ended
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.facts.processing import PROCESSING, is_unstated, job_streams, states_stream
from consumer.lineage.facts.registers import NO_REGISTERS, Registers
from consumer.lineage.facts.run_facts import RunFacts
from consumer.projection.blobs import BlobStore


def had_ended(facts: RunFacts, time: str) -> bool:
    """True if a run had ended by a moment."""
    return ended(facts) and (facts.ended_at or "") <= time


def runs_at(store: GraphStore, texts: BlobStore, places: Sequence[str]) -> dict[RunKey, RunFacts]:
    """Returns the facts of those of some runs that are there, by their ids.

    Raises:
        TransientError: The store can't serve now.
    """
    known = texts.structures(store.read(places, facts_codec.KEYS)) if places else {}
    return finite_runs(store, {ids.run_key(id_): facts_codec.load_run(stored) for id_, stored in known.items()})


def runs_of(store: GraphStore, texts: BlobStore, jobs: Iterable[JobName]) -> dict[RunKey, RunFacts]:
    """Returns the facts of all runs of jobs; raises as `runs_at` does."""
    places = [ids.job(job) for job in sorted(jobs)]
    edges = store.edges_at(places, schema.RUN_OF, "in") if places else []
    return runs_at(store, texts, [edge.source for edge in edges])


def streaming_runs(store: GraphStore, said: Sequence[Statement], time: str, texts: BlobStore) -> frozenset[RunKey]:
    """Returns the runs of which each event counted at its own time.

    Args:
        store: The graph.
        said: The statements until the moment.
        time: The moment.
        texts: Reads the contexts of events.

    Raises:
        TransientError: The store can't serve now.
    """
    stated, unstated = _runs_in(said)
    waiting = unstated - stated
    if not waiting:
        return frozenset(stated)
    # A run that states that it ends has no statement that says so, and what it states counts from its end on.
    known = runs_at(store, texts, [ids.run(run) for run in waiting])
    ended_runs = {run: facts for run, facts in known.items() if had_ended(facts, time)}
    types = {run: facts.facets.ref(PROCESSING) or "" for run, facts in ended_runs.items()}
    batch = {run for run, stated_type in types.items() if stated_type and not states_stream(stated_type)}
    # Of a run that ended, and states a stream after the moment, the statements alone are what it had stated by then.
    late = {run for run, stated_type in types.items() if states_stream(stated_type)}
    waiting -= batch | late
    streams = _jobs_that_stream(store, {run.job for run in waiting}, said, time, texts, stated | late)
    return frozenset(stated | late | {run for run in waiting if run.job in streams})


def _runs_in(said: Iterable[Statement]) -> tuple[set[RunKey], set[RunKey]]:
    """Returns the runs that state a processing type in a statement, and those that state none."""
    stated: set[RunKey] = set()
    unstated: set[RunKey] = set()
    for statement in said:
        for run, facts in statement.runs.items():
            (unstated if is_unstated(facts) else stated).add(run)
    return stated, unstated


def _jobs_that_stream(
    store: GraphStore,
    jobs: set[JobName],
    said: Iterable[Statement],
    time: str,
    texts: BlobStore,
    streaming: set[RunKey],
) -> set[JobName]:
    """Returns those of some jobs that did not end, by the last `jobType` that had been stated of each."""
    contexts: defaultdict[str, str] = defaultdict(str)
    for statement in said:
        if not statement.runs or streaming.intersection(statement.runs):
            contexts[statement.context] = max(statement.time, contexts[statement.context])
    for run, facts in runs_of(store, texts, jobs).items():
        if run not in streaming and had_ended(facts, time):
            for ref, at in facts.contexts.items():
                contexts[ref] = max(at, contexts[ref])
    facets: defaultdict[JobName, Registers] = defaultdict(lambda: NO_REGISTERS)
    for ref, text in texts.fetch(contexts).items():
        for job, of_job in load_context(text, contexts[ref]).jobs.items() if text else ():
            facets[job] = facets[job].join(of_job.facets)
    return {job for job in jobs if job_streams(facets[job])}
