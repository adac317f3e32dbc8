"""The latest run of the jobs that write datasets: what a list or picture of datasets shows as their state."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.query.catalog.datasets import producers
from consumer.query.runs import Run, latest
from schemas.naming import DatasetName


def latest_of(store: GraphStore, datasets: Collection[DatasetName]) -> dict[DatasetName, Run]:
    """Reads the latest run of each dataset's producers; datasets without any run are left out.

    Raises:
        TransientError: The store can't serve now.
    """
    writers = {name: list(map(ids.job_name, jobs)) for name, jobs in producers(store, datasets).items()}
    runs = latest(store, set(chain.from_iterable(writers.values())))
    states: dict[DatasetName, Run] = {}
    for name, jobs in writers.items():
        own = [runs[job] for job in jobs if job in runs]
        if own:
            states[name] = max(own, key=lambda run: (run.time, run.key))
    return states
