"""The versions of datasets: each completed run that wrote a dataset made one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain

from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.query.catalog.datasets import producers
from consumer.query.runs import Run, history, in_full, runs_of
from schemas.naming import DatasetName


def versions(store: GraphStore, dataset: DatasetName, most: int) -> tuple[list[Run], int]:
    """Reads the latest completed runs that wrote a dataset, newest first, and about how many there are.

    They are runs of the jobs that currently write it.

    Args:
        store: The graph.
        dataset: The dataset.
        most: The most runs to read in full; a run among them that did not write the dataset is left out.

    Raises:
        TransientError: The store can't serve now.
    """
    jobs = [ids.job_name(job) for job in producers(store, [dataset]).get(dataset, ())]
    found, total = history(store, jobs, most, ["COMPLETE"])
    wrote = [run for run in found if dataset in run.outputs]
    return wrote, total - len(found) + len(wrote)


def newest_versions(store: GraphStore, datasets: Collection[DatasetName]) -> dict[DatasetName, tuple[RunKey, str]]:
    """Reads the newest version of each dataset that has one: its run, and when that ended.

    Raises:
        TransientError: The store can't serve now.
    """
    writers = producers(store, datasets)
    jobs = {dataset: list(map(ids.job_name, found)) for dataset, found in writers.items()}
    runs = runs_of(store, set(chain.from_iterable(jobs.values())))
    newest = {dataset: run for dataset, found in jobs.items() if (run := _newest(found, runs)) is not None}
    wrote = {run.key: run.outputs for run in in_full(store, newest.values())}
    certain = {dataset: (run.key, run.ended_at) for dataset, run in newest.items() if dataset in wrote[run.key]}
    # A job that writes several datasets need not write all of them in each run.
    for dataset in newest.keys() - certain.keys():
        older, _ = versions(store, dataset, len(runs[newest[dataset].key.job]))
        if older:
            certain[dataset] = older[0].key, older[0].ended_at
    return certain


def _newest(jobs: Collection[JobName], runs: Mapping[JobName, list[Run]]) -> Run | None:
    completed = (run for job in jobs for run in runs.get(job, ()) if run.state == "COMPLETE" and run.ended_at)
    return max(completed, key=lambda run: (run.time, run.key), default=None)
