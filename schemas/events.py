"""OpenLineage's three events, as values: the core validated, the facets as they came.

`schemas.decode` makes them, `schemas.facets` reads the facets. Slotted dataclasses rather than pydantic models: one is
made for every event, run, job and dataset, and they cost half of what a frozen model does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

EVENT_TYPES = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"})
"""OpenLineage's transitions of a run's state."""

MAX_NAME = 2048
"""The longest name, namespace or run id, in characters: twice S3's longest key, so that any path still has a name.

Longer ones are a query or a stack trace in the wrong place, and each would be a part of many ids of the graph.
"""

Facets = Mapping[str, object]
"""Facets by their key, as parsed JSON: unknown ones included, none of them null, none of them read yet."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def canonical_run_id(text: str) -> str:
    """Returns a run's id, spelled one way: UUIDs in lower case, anything else as it is."""
    return text.lower() if _UUID.fullmatch(text) else text


class LeftOut(NamedTuple):
    """A part of a document that could not be used and is not in the event.

    Attributes:
        path: Its JSON path.
        reason: What is wrong with it, in words.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job.

    Attributes:
        run_id: Its id; a UUID in lower case where the producer keeps to the specification.
        facets: What is known of the run.
    """

    run_id: str
    facets: Facets


@dataclass(frozen=True, slots=True)
class Job:
    """What runs: a dbt model, a query, a task."""

    namespace: str
    name: str
    facets: Facets


@dataclass(frozen=True, slots=True)
class Dataset:
    """What is read and written: a table, a view, files."""

    namespace: str
    name: str
    facets: Facets


@dataclass(frozen=True, slots=True)
class InputDataset(Dataset):
    """A dataset as one run read it; `input_facets` tell of this reading only."""

    input_facets: Facets


@dataclass(frozen=True, slots=True)
class OutputDataset(Dataset):
    """A dataset as one run wrote it; `output_facets` tell of this writing only."""

    output_facets: Facets


@dataclass(frozen=True, slots=True)
class RunEvent:
    """A run changed its state, or something more became known about it.

    Attributes:
        event_time: When, in UTC with six fraction digits; sorts as a string.
        event_type: One of `EVENT_TYPES`; OTHER where the event names none.
        run: The run.
        job: The job that it is a run of.
        inputs: What the run reads, as far as this event tells.
        outputs: What the run writes, as far as this event tells.
        producer: The URI of the code that made the event; empty where it names none.
        schema_url: The specification that the event claims to follow; empty where it names none.
        left_out: Parts of the document that could not be used.
    """

    event_time: str
    event_type: str
    run: Run
    job: Job
    inputs: tuple[InputDataset, ...]
    outputs: tuple[OutputDataset, ...]
    producer: str
    schema_url: str
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class JobEvent:
    """What a job reads and writes by its definition, without a run; attributes as in `RunEvent`."""

    event_time: str
    job: Job
    inputs: tuple[InputDataset, ...]
    outputs: tuple[OutputDataset, ...]
    producer: str
    schema_url: str
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetEvent:
    """What is known of a dataset, without a job; attributes as in `RunEvent`."""

    event_time: str
    dataset: Dataset
    producer: str
    schema_url: str
    left_out: tuple[LeftOut, ...] = ()


Event = RunEvent | JobEvent | DatasetEvent
