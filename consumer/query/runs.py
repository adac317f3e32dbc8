"""The history of runs: state, duration, error, parent, datasets, and the runs that fed a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from consumer.graph import facts_codec, ids, schema
from consumer.graph.facts.run_datasets import whole_runs
from consumer.graph.store import GraphStore, Properties
from consumer.graph.stored_facts import stored_facts
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.query.catalog.datasets import display_names, producers
from schemas.naming import DatasetName

_KEYS = ("state", "started_at", "ended_at", "error", "skipped")
UNFINISHED = frozenset({"", "START", "RUNNING", "OTHER"})
FAILED = frozenset({"FAIL", "ABORT"})


class Run(NamedTuple):
    """One run of a job.

    Attributes:
        key: Its job and run id.
        state: START, RUNNING, COMPLETE, FAIL, ABORT or OTHER.
        started_at: Time of its START (RFC 3339, UTC); empty where none came.
        ended_at: Time of its terminal event; empty while it is unfinished.
        error: The error message; empty where there is none.
        skipped: The reason why it was skipped, such as `model.shop.raw failed`; empty for a run that was executed.
        parent: The run that started it.
        inputs: Datasets that it read, sorted; only of runs that were asked for in full.
        outputs: Datasets that it wrote, sorted; likewise.
    """

    key: RunKey
    state: str
    started_at: str = ""
    ended_at: str = ""
    error: str = ""
    parent: RunKey | None = None
    inputs: tuple[DatasetName, ...] = ()
    outputs: tuple[DatasetName, ...] = ()
    skipped: str = ""

    @property
    def duration_s(self) -> float | None:
        """Seconds from its start to its end; None where either is unknown."""
        if not self.started_at or not self.ended_at:
            return None
        ended, started = datetime.fromisoformat(self.ended_at), datetime.fromisoformat(self.started_at)
        return max(0.0, (ended - started).total_seconds())

    @property
    def time(self) -> str:
        """The time that orders runs: of its end, or of its start while it is unfinished."""
        return self.ended_at or self.started_at


def history(
    store: GraphStore, jobs: Collection[JobName], limit: int = 20, states: Collection[str] = ()
) -> tuple[list[Run], int]:
    """Reads the latest runs of jobs, newest first, and the number of all that match.

    Args:
        store: The graph.
        jobs: Whose runs.
        limit: The most runs to return.
        states: Only runs in these states; all if none is named.

    Raises:
        TransientError: The store can't serve now.
    """
    matching = [run for runs in runs_of(store, jobs).values() for run in runs if not states or run.state in states]
    matching.sort(key=lambda run: (run.time, run.key), reverse=True)
    return in_full(store, matching[:limit]), len(matching)


def latest(store: GraphStore, jobs: Collection[JobName]) -> dict[JobName, Run]:
    """Reads the latest run of each job that has one, whatever its state."""
    return {job: max(runs, key=lambda run: (run.time, run.key)) for job, runs in runs_of(store, jobs).items() if runs}


def recent(store: GraphStore, jobs: Collection[JobName], limit: int) -> dict[JobName, list[Run]]:
    """Reads the latest executed runs of each job, newest first, without their datasets and parents.

    Raises:
        TransientError: The store can't serve now.
    """
    return {job: executed(runs)[:limit] for job, runs in runs_of(store, jobs).items()}


def executed(runs: Iterable[Run]) -> list[Run]:
    """Returns the runs that were not skipped, newest first."""
    return sorted((run for run in runs if not run.skipped), key=lambda run: (run.time, run.key), reverse=True)


def runs_of(store: GraphStore, jobs: Collection[JobName]) -> dict[JobName, list[Run]]:
    """Reads all runs of jobs, in no order, without parents and datasets.

    Raises:
        TransientError: The store can't serve now.
    """
    edges = store.edges_at([ids.job(job) for job in jobs], schema.RUN_OF, "in") if jobs else []
    known = store.read([edge.source for edge in edges], _KEYS) if edges else {}
    found: defaultdict[JobName, list[Run]] = defaultdict(list)
    for id_, properties in known.items():
        run = _run(ids.run_key(id_), properties)
        found[run.key.job].append(run)
    return dict(found)


def read_run(store: GraphStore, key: RunKey) -> Run | None:
    """Reads one run in full; None if the graph does not have it.

    Raises:
        TransientError: The store can't serve now.
    """
    found = store.read([ids.run(key)], _KEYS)
    return in_full(store, [_run(key, properties) for properties in found.values()])[0] if found else None


def _run(key: RunKey, properties: Properties) -> Run:
    state, started_at, ended_at, error, skipped = (str(properties.get(name) or "") for name in _KEYS)
    return Run(key, state, started_at, ended_at, error, skipped=skipped)


def in_full(store: GraphStore, runs: Iterable[Run]) -> list[Run]:
    """Adds parents and datasets to runs.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.run(run.key): run for run in runs}
    if not by_id:
        return []
    parents = {edge.source: ids.run_key(edge.target) for edge in store.edges_at(list(by_id), schema.CHILD_OF, "out")}
    known = stored_facts(store, store.read(list(by_id), facts_codec.KEYS))
    found = {by_id[id_].key: facts_codec.load_run(stored) for id_, stored in known.items()}
    facts = {ids.run(key): one for key, one in whole_runs(store, found).items()}
    shown = display_names(store, {name for one in facts.values() for name in one.inputs | one.outputs})

    def names(found: Iterable[DatasetName]) -> tuple[DatasetName, ...]:
        return tuple(sorted({shown[name] for name in found}))

    return [
        run._replace(parent=parents.get(id_), inputs=names(facts[id_].inputs), outputs=names(facts[id_].outputs))
        if id_ in facts
        else run
        for id_, run in by_id.items()
    ]


def fed_by(store: GraphStore, run: Run) -> dict[DatasetName, Run]:
    """Finds, for each input of a run, the last run that had completed a write of it when the run started.

    Args:
        store: The graph.
        run: A run that was read in full.

    Raises:
        TransientError: The store can't serve now.
    """
    return all_fed_by(store, [run])[run.key]


def fed_newest(store: GraphStore, runs: Iterable[Run]) -> dict[DatasetName, Run]:
    """Finds the same for the newest executed one of some runs, newest first, that were read in full.

    Raises:
        TransientError: The store can't serve now.
    """
    newest = next((run for run in runs if not run.skipped), None)
    return fed_by(store, newest) if newest is not None else {}


def all_fed_by(store: GraphStore, runs: Collection[Run]) -> dict[RunKey, dict[DatasetName, Run]]:
    """Finds the same for several runs at once.

    Raises:
        TransientError: The store can't serve now.
    """
    found = producers(store, {name for run in runs for name in run.inputs})
    writers = {dataset: list(map(ids.job_name, jobs)) for dataset, jobs in found.items()}
    of_jobs = runs_of(store, set(chain.from_iterable(writers.values())))
    fed: defaultdict[RunKey, dict[DatasetName, Run]] = defaultdict(dict)
    for run in runs:
        started = run.started_at or run.ended_at
        for dataset in run.inputs:
            candidates = _completed_before(of_jobs, writers.get(dataset, ()), started)
            last = max(candidates, key=lambda one: (one.ended_at, one.key), default=None)
            if last is not None:
                fed[run.key][dataset] = last
    return {run.key: fed[run.key] for run in runs}


def _completed_before(runs: Mapping[JobName, list[Run]], jobs: Iterable[JobName], moment: str) -> list[Run]:
    of_jobs = (run for job in jobs for run in runs.get(job, ()))
    return [run for run in of_jobs if run.state == "COMPLETE" and run.ended_at and run.ended_at <= moment]
