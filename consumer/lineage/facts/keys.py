"""Keys of jobs, of their runs and outputs, and of the groups that their runs form."""

from __future__ import annotations

import re
from typing import NamedTuple

from schemas.naming import DatasetName


class JobName(NamedTuple):
    """A job's key: its namespace, and its dbt unique id where it has one, else its name."""

    namespace: str
    name: str


class RunKey(NamedTuple):
    """A run's key: some producers give all jobs of one execution the same run id."""

    job: JobName
    id: str


class ExposureName(NamedTuple):
    """An exposure's key: the namespace of its project's jobs, and dbt's unique id, like a node's key."""

    namespace: str
    name: str


class OutputKey(NamedTuple):
    """A dataset as a job names it when it writes it."""

    job: JobName
    name: DatasetName


class GroupKey(NamedTuple):
    """The runs of a job that have the same parent run, or without one the same root run.

    Attributes:
        job: The job.
        parent: The id of the parent or root run.
    """

    job: JobName
    parent: str


def node_key(unique_id: str, root: str) -> str:
    """Returns the key of a node of dbt: its unique id, with the root project before it where it is another package's.

    Args:
        unique_id: Dbt's id, in which the package comes second.
        root: The project that is run; empty if it is not known.
    """
    package = unique_id.split(".")[1:2]
    is_own = not root or not package or spelled(root) == spelled(package[0])
    return unique_id if is_own else f"{root}/{unique_id}"


def spelled(project: str) -> str:
    """Returns a project's name as one of dbt's: in dbt Cloud it may have spaces and capitals."""
    return re.sub(r"\W+", "_", project.strip()).lower()
