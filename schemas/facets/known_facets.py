"""The facets that have a typed view; all others say nothing to a graph, and are not kept while an event waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from schemas.decode import decode
from schemas.events import DatasetEvent, Event, Facets, InputDataset, OutputDataset, RunEvent
from schemas.facets import dataset_facets, dbt_facets, job_facets, lineage_facets  # noqa: F401 -- their views are what is known
from schemas.facets.base import Facet

SMALL: Final = 8 * 1024
"""Bytes of an event in which it is not looked for facets that say nothing."""

KNOWN: Final = frozenset(view.key for view in Facet.__subclasses__())


def decode_known(data: bytes) -> Event:
    """Returns the event that a record or a line holds; a large one without facets that no view reads.

    Raises:
        RejectedEvent: As `decode` raises it.
    """
    event = decode(data)
    if len(data) <= SMALL:
        return event
    for facets in _facets(event):
        for name in facets.keys() - KNOWN:
            del cast("dict[str, Any]", facets)[name]
    return event


def _facets(event: Event) -> Iterator[Facets]:
    if isinstance(event, DatasetEvent):
        yield event.dataset.facets
        return
    if isinstance(event, RunEvent):
        yield event.run.facets
    yield event.job.facets
    for dataset in (*event.inputs, *event.outputs):
        yield dataset.facets
        match dataset:
            case InputDataset():
                yield dataset.input_facets
            case OutputDataset():
                yield dataset.output_facets
