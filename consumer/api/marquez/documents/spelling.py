"""Small parts of Marquez's documents: ids, versions, times, states."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from consumer.lineage.facts.keys import JobName, RunKey
from schemas.naming import DatasetName

Document = dict[str, Any]

UNKNOWN_TIME = "1970-01-01T00:00:00Z"
"""Time for documents where Marquez always has one and the graph has none: its clients parse it."""

STATES = {
    "START": "RUNNING",
    "RUNNING": "RUNNING",
    "COMPLETE": "COMPLETED",
    "FAIL": "FAILED",
    "ABORT": "ABORTED",
    "OTHER": "RUNNING",
}
"""From the state of a run to Marquez's; NEW where no event said one."""

RUN_STATES = ("NEW", "RUNNING", "COMPLETED", "FAILED", "ABORTED")

_VERSIONS = UUID("5a5f6f6e-4c1d-5b0e-9a57-6e1c8f0f7a35")
"""The namespace of the UUIDs that name versions."""


def name(value: DatasetName | JobName) -> Document:
    """Returns the id of a dataset or job."""
    return {"namespace": value.namespace, "name": value.name}


def dataset_version(dataset: DatasetName, run: RunKey | None) -> str:
    """Returns the UUID of the version of a dataset that a run wrote; the same on each call.

    Args:
        dataset: The dataset.
        run: The run; None for a dataset that no known run writes.
    """
    written_by = () if run is None else (*run.job, run.id)
    return str(uuid5(_VERSIONS, "\0".join(("dataset", *dataset, *written_by))))


def job_version(job: JobName, inputs: list[DatasetName], outputs: list[DatasetName], location: str) -> str:
    """Returns the UUID of a job that reads and writes some datasets."""
    names = (part for dataset in (*inputs, DatasetName("", ""), *outputs) for part in dataset)
    return str(uuid5(_VERSIONS, "\0".join(("job", *job, location, *names))))
