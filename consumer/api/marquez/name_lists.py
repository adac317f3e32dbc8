"""The names of all datasets and jobs, by namespace and sorted: what lists are cut from."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Properties
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.keys import JobName
from consumer.query.catalog.datasets import tags_of
from consumer.query.job_names import all_jobs
from consumer.query.resolve import DATASET
from schemas.naming import DatasetName

PAGE = 1_000
"""Vertices that are read at once."""


@dataclass(frozen=True, slots=True)
class NameLists:
    """All names of a graph.

    Attributes:
        datasets: By namespace; exposures are none.
        jobs: By namespace.
    """

    datasets: Mapping[str, Sequence[str]]
    jobs: Mapping[str, Sequence[str]]

    @property
    def namespaces(self) -> list[str]:
        """The namespaces of datasets and jobs, sorted."""
        return sorted({*self.datasets, *self.jobs})

    def all_jobs(self) -> Iterator[JobName]:
        """Yields the jobs, sorted."""
        return (JobName(space, name) for space in sorted(self.jobs) for name in self.jobs[space])

    def all_datasets(self) -> Iterator[DatasetName]:
        """Yields the datasets, sorted."""
        return (DatasetName(space, name) for space in sorted(self.datasets) for name in self.datasets[space])

    def has_job(self, job: JobName) -> bool:
        """True if there is such a job."""
        names = self.jobs.get(job.namespace, ())
        at = bisect_left(names, job.name)
        return at < len(names) and names[at] == job.name


def name_lists(store: GraphStore) -> NameLists:
    """Reads all names, page by page.

    Raises:
        TransientError: The store can't serve now.
    """
    datasets: defaultdict[str, list[str]] = defaultdict(list)
    for id_ in chain.from_iterable(_pages(store, schema.NODE)):
        kind, namespace, name = ids.parse(id_)
        if kind == DATASET:
            datasets[namespace].append(name)
    jobs: defaultdict[str, list[str]] = defaultdict(list)
    for job in all_jobs(store):
        jobs[job.namespace].append(job.name)
    return NameLists({space: sorted(names) for space, names in datasets.items()}, dict(jobs))


def _pages(store: GraphStore, label: str) -> Iterator[list[str]]:
    last = ""
    while page := store.ids(label, last, PAGE):
        yield page
        last = page[-1]


def names_given(store: GraphStore) -> dict[JobName, JobName]:
    """Reads which job each other name means that events give to jobs.

    A model of dbt is known by its unique id; its events are of `dev.imdb.project.titles.run` and the like.

    Raises:
        TransientError: The store can't serve now.
    """
    found: dict[JobName, JobName] = {}
    for page in _pages(store, schema.JOB):
        for id_, properties in store.read(page, facts_codec.KEYS).items():
            job = ids.job_name(id_)
            found.update(_others(job, properties))
    return found


def _others(job: JobName, properties: Properties) -> Iterable[tuple[JobName, JobName]]:
    given = facts_codec.load_job(unpacked(properties)).names if properties.get("facts") else frozenset()
    return ((JobName(job.namespace, name), job) for name in given if name != job.name)


def tag_names(store: GraphStore) -> list[str]:
    """Reads all tags of datasets and columns, sorted.

    Raises:
        TransientError: The store can't serve now.
    """
    found: set[str] = set()
    for page in _pages(store, schema.NODE):
        for properties in store.read(page, ("tags",)).values():
            found.update(tag.text for tag in tags_of(properties))
    return sorted(found)
