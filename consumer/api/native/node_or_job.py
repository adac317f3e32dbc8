"""The parameter `node` of queries that are about a dataset or a job."""

from __future__ import annotations

from typing import Final

from consumer.errors import UnknownName
from consumer.graph.store import GraphStore
from consumer.query.resolve import LineageNode, resolve
from consumer.query.traversal.job_surroundings import JOB, is_job, job_target

DATASET_PREFIX: Final = "dataset:"
"""Before the name of a dataset whose namespace begins with `job:`."""


def resolve_node_or_job(store: GraphStore, text: str) -> LineageNode:
    """Resolves a text to a job if it begins with `job:`, else to a dataset or column.

    `dataset:` before a name makes it that of a dataset, whatever it begins with. A dataset whose own name begins with
    `dataset:` is meant first.

    Raises:
        UsageError: The text means several things; `UnknownName` if it means nothing.
        TransientError: The store can't serve now.
    """
    if is_job(text):
        return job_target(store, text)
    try:
        return resolve(store, text)
    except UnknownName:
        if not text.startswith(DATASET_PREFIX):
            raise
    return resolve(store, text.removeprefix(DATASET_PREFIX))


def means_job(target: LineageNode) -> bool:
    """True if a resolved text means a job."""
    return target.kind == JOB
