"""From the names in a request to the datasets and jobs that the graph shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from consumer.api.marquez.freshness import Fresh
from consumer.api.marquez.name_lists import NameLists
from consumer.api.marquez.node_ids import NodeId, NodeKind
from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.query.catalog.datasets import display_names
from schemas.naming import DatasetName

JOBS_AT_ONCE = 1_000
"""Jobs among whose runs one is looked for in one request to the store."""


def dataset_of(store: GraphStore, candidates: Sequence[DatasetName]) -> DatasetName | None:
    """Returns the first of some names that a dataset is shown under, else the first that is another name of one.

    Raises:
        TransientError: The store can't serve now.
    """
    if not candidates:
        return None
    shown = _first_shown(store, candidates)
    if shown is not None:
        return shown
    meant = display_names(store, candidates)
    others = [meant[name] for name in candidates if meant[name] != name]
    return _first_shown(store, others) if others else None


def _first_shown(store: GraphStore, candidates: Iterable[DatasetName]) -> DatasetName | None:
    by_id = {ids.dataset(name): name for name in candidates}
    there = store.read(list(by_id), ("name",))
    return next((name for id_, name in by_id.items() if id_ in there), None)


def job_of(store: GraphStore, candidates: Sequence[JobName], given: Fresh[dict[JobName, JobName]]) -> JobName | None:
    """Returns the first of some names that a job has, else the first that events give to one.

    Args:
        store: The graph.
        candidates: The names.
        given: Other names of jobs; only looked at if no job has one of the names.

    Raises:
        TransientError: The store can't serve now.
    """
    if not candidates:
        return None
    by_id = {ids.job(name): name for name in candidates}
    there = store.read(list(by_id), ("name",))
    found = next((name for id_, name in by_id.items() if id_ in there), None)
    if found is not None:
        return found
    others = given.get(store)
    return next((others[name] for name in candidates if name in others), None)


def node_of(
    store: GraphStore, readings: Iterable[NodeId], given: Fresh[dict[JobName, JobName]]
) -> tuple[NodeId, DatasetName | JobName] | None:
    """Returns the first way to read an id of a node that is of something in the graph, and what it is of.

    Raises:
        TransientError: The store can't serve now.
    """
    found = list(readings)
    jobs = [one for one in found if one.kind is NodeKind.JOB]
    if jobs:
        job = job_of(store, [one.job for one in jobs], given)
        return None if job is None else (jobs[0], job)
    dataset = dataset_of(store, [one.dataset for one in found])
    if dataset is None:
        return None
    meant = {one.dataset: one for one in reversed(found)}
    asked = meant.get(dataset) or next(
        one for one in found if display_names(store, [one.dataset])[one.dataset] == dataset
    )
    return asked, dataset


def run_of(store: GraphStore, run_id: str, names: NameLists, recent: Collection[RunKey]) -> RunKey | None:
    """Returns the run of an id; if several jobs have a run of it, the first.

    A run's vertex is found by its job and id. So the run is looked for at every job, unless it is one of the latest.

    Raises:
        TransientError: The store can't serve now.
    """
    known = sorted(key for key in recent if key.id == run_id)
    if known and store.read([ids.run(known[0])], ("state",)):
        return known[0]
    jobs = list(names.all_jobs())
    for start in range(0, len(jobs), JOBS_AT_ONCE):
        keys = [RunKey(job, run_id) for job in jobs[start : start + JOBS_AT_ONCE]]
        by_id = dict(zip(map(ids.run, keys), keys, strict=True))
        there = store.read(list(by_id), ("state",))
        found = next((key for id_, key in by_id.items() if id_ in there), None)
        if found is not None:
            return found
    return None
