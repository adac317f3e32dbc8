"""The moments at which the neighbourhood of a dataset changed, by the change records of its jobs and datasets.

A neighbourhood is what it is now and what it ever was: an edge that is gone leads to where it led, by the records of
its coming and going.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from consumer.graph import change_log, ids, schema
from consumer.graph.store import Direction, GraphStore
from consumer.lineage.changes import Kind
from consumer.lineage.facts.keys import JobName
from consumer.query.resolve import LineageNode
from consumer.query.traversal.answer import link_of
from consumer.query.traversal.job_surroundings import datasets_of, job_name
from schemas.naming import DatasetName

_EDGES: Final = frozenset({Kind.EDGE_ADDED, Kind.EDGE_REMOVED})


class Moment(NamedTuple):
    """A moment at which something changed.

    Attributes:
        time: Event time of the changes.
        changes: The number of changes.
        breaking: True if one of them may break a reader.
    """

    time: str
    changes: int
    breaking: bool


def moments(store: GraphStore, target: LineageNode, upstream: int, downstream: int) -> list[Moment]:
    """Lists the moments at which a neighbourhood changed, oldest first.

    Args:
        store: The graph.
        target: The dataset or column in its middle.
        upstream: How many steps it goes against the flow of data.
        downstream: How many steps it goes with it.

    Raises:
        TransientError: The store can't serve now.
    """
    owners = {ids.name(target.dataset)}
    owners |= _ever_around(store, target.dataset, upstream, "in")
    owners |= _ever_around(store, target.dataset, downstream, "out")
    return _changes_of(store, owners)


def _ever_around(store: GraphStore, root: DatasetName, steps: int, direction: Direction) -> set[str]:
    """Returns the ids of the names that ever lay some steps from one, and of the jobs between them."""
    jobs: set[str] = set()
    reached = {root}
    frontier = {root}
    for _ in range(steps):
        found: set[DatasetName] = set()
        for one in _ever_beside(store, frontier, direction):
            found.add(one.far)
            jobs |= {ids.job(one.job)} if one.job is not None else set()
        frontier = found - reached
        reached |= frontier
        if not frontier:
            break
    return jobs | set(map(ids.name, reached))


class _Beside(NamedTuple):
    """A dataset at the far end of an edge, and the job that makes or made it."""

    far: DatasetName
    job: JobName | None


def _ever_beside(store: GraphStore, names: Collection[DatasetName], direction: Direction) -> Iterator[_Beside]:
    """Yields the datasets that edges lead to, or come from, or ever did."""
    for edge in store.edges_at([ids.dataset(name) for name in sorted(names)], schema.EDGE, direction):
        link = link_of(edge)
        yield _Beside(link.source.dataset if direction == "in" else link.target.dataset, link.job)
    for _, record in change_log.changes_of(store, [ids.name(name) for name in sorted(names)]):
        for change in record.changes:
            if change.kind not in _EDGES or change.source is None:
                continue
            near, far = (change.dataset, change.source) if direction == "in" else (change.source, change.dataset)
            if near in names:
                yield _Beside(far, record.job)


def moments_of_job(store: GraphStore, job: LineageNode) -> list[Moment]:
    """Lists the moments at which a job, or a dataset that it reads or writes, changed, oldest first.

    Raises:
        TransientError: The store can't serve now.
    """
    return _changes_of(store, {ids.job(job_name(job)), *map(ids.name, datasets_of(store, job))})


def _changes_of(store: GraphStore, owners: Collection[str]) -> list[Moment]:
    counts: defaultdict[str, int] = defaultdict(int)
    breaking: set[str] = set()
    for _, record in change_log.changes_of(store, sorted(owners)):
        counts[record.time] += len(record.changes)
        if record.is_breaking:
            breaking.add(record.time)
    return [Moment(time, count, time in breaking) for time, count in sorted(counts.items())]
