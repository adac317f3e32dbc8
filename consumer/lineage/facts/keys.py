"""Keys of jobs, of their runs and outputs, and of the groups that their runs form."""

from __future__ import annotations

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
