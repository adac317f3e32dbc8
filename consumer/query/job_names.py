"""From what a person types to jobs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from consumer.errors import UsageError
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName
from consumer.query.catalog.datasets import producers
from consumer.query.resolve import resolve

PAGE = 1_000


def all_jobs(store: GraphStore) -> list[JobName]:
    """Reads the names of all jobs, sorted.

    Raises:
        TransientError: The store can't serve now.
    """
    return sorted(_jobs(store))


def _jobs(store: GraphStore) -> Iterator[JobName]:
    last = ""
    while page := store.ids(schema.JOB, last, PAGE):
        yield from (ids.job_name(id_) for id_ in page)
        last = page[-1]


def jobs_of(store: GraphStore, text: str) -> list[JobName]:
    """Finds the jobs that a text means: by name or namespace/name, else those that write the dataset that it means.

    Raises:
        UsageError: The text means neither a job nor a dataset, or several.
        TransientError: The store can't serve now.
    """
    jobs = all_jobs(store)
    named = [job for job in jobs if text in {job.name, f"{job.namespace}/{job.name}"}]
    if named:
        return named
    try:
        dataset = resolve(store, text).dataset
    except UsageError as error:
        near = difflib.get_close_matches(text, {job.name for job in jobs}, n=3)
        hint = f"\n  or the job {' or '.join(near)}" if near else ""
        raise type(error)(f"no job is called {text}, and {error}{hint}") from None
    return [ids.job_name(job) for job in producers(store, [dataset]).get(dataset, ())]
