"""OpenLineage's three kinds of events as values, with a validated core and raw facets.

`schemas.decode` creates them, `schemas.facets` parses the facets. They are slotted dataclasses rather than pydantic
models, because every event, run, job and dataset is one, and a frozen model costs twice as much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

EVENT_TYPES = frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"})
"""OpenLineage's state transitions of a run."""

MAX_NAME = 2048
"""Maximum length of a name, namespace or run id in characters: twice S3's longest key, so that every path fits.

Longer texts are misplaced queries or stack traces, and each would be a part of many ids of the graph.
"""

Facets = Mapping[str, object]
"""Facets by key as parsed JSON, with unknown ones, without nulls, not validated."""

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def canonical_run_id(text: str) -> str:
    """Returns the canonical spelling of a run id: UUIDs in lower case, other texts unchanged."""
    return text.lower() if _UUID.fullmatch(text) else text


class LeftOut(NamedTuple):
    """An invalid part of a document, which is missing in the event.

    Attributes:
        path: JSON path of the part.
        reason: Description of the error.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job.

    Attributes:
        run_id: Its id; a UUID in lower case where the producer keeps to the specification.
        facets: What is known of the run.
        digest: A hash of the bytes that all of this was read from; empty where they were not kept together.
    """

    run_id: str
    facets: Facets
    digest: bytes = field(default=b"", compare=False)


@dataclass(frozen=True, slots=True)
class Job:
    """A job: a dbt model, a query, a task."""

    namespace: str
    name: str
    facets: Facets


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: a table, a view, files."""

    namespace: str
    name: str
    facets: Facets


@dataclass(frozen=True, slots=True)
class InputDataset(Dataset):
    """A dataset as an input of one run; `input_facets` describe this read only."""

    input_facets: Facets


@dataclass(frozen=True, slots=True)
class OutputDataset(Dataset):
    """A dataset as an output of one run; `output_facets` describe this write only."""

    output_facets: Facets


class Body(NamedTuple):
    """The part of a run event that does not depend on its run: rebuilds of an unchanged model repeat it byte for byte.

    Attributes:
        job: The job that the run is a run of.
        inputs: Datasets that the run reads, as far as this event names them.
        outputs: Datasets that the run writes, as far as this event names them.
        producer: The URI of the code that made the event; empty where it names none.
        schema_url: The specification that the event claims to follow; empty where it names none.
    """

    job: Job
    inputs: tuple[InputDataset, ...]
    outputs: tuple[OutputDataset, ...]
    producer: str
    schema_url: str


@dataclass(frozen=True, slots=True, eq=False)
class UnreadBody:
    """A body as bytes that were checked before: it is parsed each time it is read, and nothing parsed is kept.

    Attributes:
        digest: A hash of the bytes; two bodies with one digest are equal.
        datasets: How many inputs and outputs the body names.
        read: Parses the bytes.
    """

    digest: bytes
    datasets: int
    read: Callable[[], Body]

    def __eq__(self, other: object) -> bool:
        """True if the other body, read or not, has the same contents."""
        return self.read() == (other.read() if isinstance(other, UnreadBody) else other)

    __hash__ = None  # type: ignore[assignment]  # as of all with facets


@dataclass(frozen=True, slots=True)
class _EventOfJob:
    """An event with a body.

    Attributes:
        event_time: When, in UTC with six fraction digits; sorts as a string.
        content: The body, parsed or not.
    """

    event_time: str
    content: Body | UnreadBody

    @property
    def body(self) -> Body:
        """The body; keep it rather than ask again, since an unread one is parsed for each call."""
        return self.content.read() if isinstance(self.content, UnreadBody) else self.content

    @property
    def job(self) -> Job:
        """The job, see `Body`."""
        return self.body.job

    @property
    def inputs(self) -> tuple[InputDataset, ...]:
        """The inputs, see `Body`."""
        return self.body.inputs

    @property
    def outputs(self) -> tuple[OutputDataset, ...]:
        """The outputs, see `Body`."""
        return self.body.outputs

    @property
    def producer(self) -> str:
        """The producer, see `Body`."""
        return self.body.producer

    @property
    def schema_url(self) -> str:
        """The specification, see `Body`."""
        return self.body.schema_url


@dataclass(frozen=True, slots=True)
class RunEvent(_EventOfJob):
    """A run changed its state, or something more became known about it.

    Attributes:
        event_type: One of `EVENT_TYPES`; OTHER where the event names none.
        run: The run.
        left_out: Parts of the document that could not be used.
    """

    event_type: str
    run: Run
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class JobEvent(_EventOfJob):
    """Static lineage of a job, without a run; attributes as in `RunEvent`."""

    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetEvent:
    """Facts about a dataset, without a job; attributes as in `RunEvent` and `Body`."""

    event_time: str
    dataset: Dataset
    producer: str
    schema_url: str
    left_out: tuple[LeftOut, ...] = ()


Event = RunEvent | JobEvent | DatasetEvent
