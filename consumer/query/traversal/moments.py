"""The moments at which the neighbourhood of a dataset changed, by the change records of its jobs and datasets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from consumer.graph import change_log, ids
from consumer.graph.store import GraphStore
from consumer.query.resolve import LineageNode
from consumer.query.traversal.job_surroundings import datasets_of, job_name
from consumer.query.traversal.traverse import lineage


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
    found = lineage(store, target._replace(column=None), upstream, downstream)
    owners = {ids.name(node.target.dataset) for node in found.nodes}
    owners |= {ids.job(link.job) for link in found.links if link.job is not None}
    return _changes_of(store, owners)


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
