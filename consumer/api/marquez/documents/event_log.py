"""`/events/lineage`: what the graph knows of runs, in the form of OpenLineage events.

The graph keeps what events say, not the events. So each run is shown as at most two: its start, and its end. They are
made of the run's facts and say so by their producer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from consumer.api.marquez.activity import Moment
from consumer.api.marquez.documents import run_documents
from consumer.api.marquez.documents.spelling import Document, name
from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import RunKey
from consumer.query.catalog.datasets import texts_of
from consumer.query.runs import Run, in_full

PRODUCER = "urn:headwater:run-facts"
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
DIRECTIONS = ("ASC", "DESC")

_ABSENT: dict[str, None] = {"nominalTime": None, "parent": None}
_ABSENT_OF_A_JOB: dict[str, None] = {"documentation": None, "sourceCodeLocation": None, "sql": None}


class _Event(NamedTuple):
    time: str
    key: RunKey
    state: str


def events(moments: Iterable[Moment], before: str, after: str, *, descending: bool) -> list[_Event]:
    """Returns the starts and ends of runs in a time, sorted.

    Args:
        moments: The runs.
        before: The time before which they are; empty for no bound.
        after: The time from which on they are; empty for no bound.
        descending: True for the newest first.
    """
    found = [one for one in _all(moments) if (not before or one.time < before) and (not after or one.time >= after)]
    return sorted(found, reverse=descending)


def _all(moments: Iterable[Moment]) -> Iterator[_Event]:
    for moment in moments:
        if moment.started_at:
            yield _Event(moment.started_at, moment.key, "START")
        if moment.time != moment.started_at or moment.state not in {"START", "RUNNING"}:
            yield _Event(moment.time, moment.key, moment.state or "OTHER")


def documents(store: GraphStore, found: Iterable[_Event]) -> list[Document]:
    """Returns events with the datasets and facets of their runs.

    Raises:
        TransientError: The store can't serve now.
    """
    listed = list(found)
    keys = {one.key for one in listed}
    there = store.read([ids.run(key) for key in keys], ("state",)) if keys else {}
    stored = [Run(key, "") for key in sorted(keys) if ids.run(key) in there]
    runs = {run.key: run for run in in_full(store, stored)}
    facts = run_documents.read_facts(store, list(runs))
    texts = texts_of(store, run_documents.stored(one for fact in facts.values() for one in fact.facets.values()))
    facets = {key: run_documents.as_facets(fact.facets, texts) for key, fact in facts.items()}
    return [_document(one, runs[one.key], facets.get(one.key, {})) for one in listed if one.key in runs]


def _document(event: _Event, run: Run, facets: Document) -> Document:
    return {
        "eventType": event.state,
        "eventTime": event.time,
        "run": {"runId": run.key.id, "facets": {**_ABSENT, **facets}},
        "job": {**name(run.key.job), "facets": dict(_ABSENT_OF_A_JOB)},
        "inputs": [{**name(dataset), "facets": {}} for dataset in run.inputs],
        "outputs": [{**name(dataset), "facets": {}} for dataset in run.outputs],
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL,
    }
