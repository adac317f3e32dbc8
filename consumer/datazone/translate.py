"""From an event to what DataZone is sent; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from consumer.datazone.size_limit import reduced
from consumer.datazone.source_identifier import Identities, Identity
from consumer.datazone.sql_lineage import is_test, refined
from schemas.events import Dataset, Event, InputDataset, OutputDataset, RunEvent
from schemas.naming import DatasetName, canonical

Json = dict[str, Any]
Forward = Literal["complete", "all"]

PRODUCER: Final = "urn:headwater:datazone"
SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
"""What an event claims that claims nothing; without them DataZone may take it and then fail to process it."""

_UNTOLD: Final = frozenset({"START", "FAIL", "ABORT"})
"""Types that say nothing which a completed or running run's events do not say."""


class Skip(StrEnum):
    """Why an event is not posted."""

    NOT_A_RUN = "not_a_run"
    NO_LINEAGE = "no_lineage"


@dataclass(frozen=True, slots=True)
class Translation:
    """What is posted for one event.

    Attributes:
        body: The event's JSON, at most 300,000 bytes.
        dropped: What had to be left out of it, by the names of `consumer.datazone.size_limit.STEPS`.
    """

    body: bytes
    dropped: tuple[str, ...] = ()

    def token(self, domain_id: str) -> str:
        """Returns the client token of a post to a domain, equal for an equal post, so that repeats store nothing."""
        return hashlib.sha256(b"\0".join((domain_id.encode(), self.body))).hexdigest()


def translate(event: Event, identities: Identities, forward: Forward = "complete") -> Translation | Skip:
    """What DataZone is sent for an event.

    Args:
        event: As it was read.
        identities: Under which names datasets are posted.
        forward: `complete` for the events that carry lineage, `all` for all of runs.

    Raises:
        TooLarge: It can't be made small enough.
    """
    if not isinstance(event, RunEvent):
        return Skip.NOT_A_RUN
    document = _chosen(event, forward)
    if isinstance(document, Skip):
        return document
    return Translation(*reduced(_renamed(document, _identities(event, identities))))


def datasets(event: RunEvent, identities: Identities, forward: Forward = "complete") -> dict[DatasetName, Identity]:
    """Returns the identity of each posted dataset of an event, by its canonical name; none if nothing is posted.

    Args:
        event: As for `translate`, with the same arguments.
        identities: Likewise.
        forward: Likewise.
    """
    document = _chosen(event, forward)
    if isinstance(document, Skip):
        return {}
    found = _identities(event, identities)
    named = (canonical(d["namespace"], d["name"]) for d in (*document["inputs"], *document["outputs"]))
    return {name: found[name] for name in named}


def _chosen(event: RunEvent, forward: Forward) -> Json | Skip:
    """Returns the refined document of an event that is to be posted, its datasets under their own names."""
    if forward == "complete" and not _carries_lineage(event):
        return Skip.NO_LINEAGE
    document = refined(_document(event))
    return Skip.NO_LINEAGE if forward == "complete" and is_test(document) else document


def _identities(event: RunEvent, identities: Identities) -> dict[DatasetName, Identity]:
    """Returns the identity of each dataset that an event names, by its canonical name; the first one counts."""
    found: dict[DatasetName, Identity] = {}
    for some, read in ((event.outputs, False), (event.inputs, True)):
        for dataset in some:
            name = canonical(dataset.namespace, dataset.name)
            if name not in found or not found[name].source:
                found[name] = identities.of(dataset, read=read)
    return _with_fields(event, found, identities)


def _with_fields(
    event: RunEvent, found: dict[DatasetName, Identity], identities: Identities
) -> dict[DatasetName, Identity]:
    """Returns the same with what only column lineage names."""
    for output in event.outputs:
        for namespace, name in _field_names(output.facets.get("columnLineage")):
            key = canonical(namespace, name)
            if key not in found:
                found[key] = identities.of(Dataset(namespace, name, {}), read=True)
    return found


def _field_names(facet: Any) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []

    def note(entry: Json) -> Json:
        told.append((entry["namespace"], entry["name"]))
        return entry

    _with_inputs(facet, note)
    return told


def _carries_lineage(event: RunEvent) -> bool:
    return event.event_type not in _UNTOLD and bool(event.inputs or event.outputs)


def _document(event: RunEvent) -> Json:
    """Returns the event as JSON, each part of it there; its facets are the event's own and must not be changed."""
    return {
        "eventTime": event.event_time,
        "eventType": event.event_type,
        "producer": event.producer or PRODUCER,
        "schemaURL": event.schema_url or SCHEMA,
        "run": {"runId": event.run.run_id, "facets": dict(event.run.facets)},
        "job": {"namespace": event.job.namespace, "name": event.job.name, "facets": dict(event.job.facets)},
        "inputs": [_dataset(one, "inputFacets", one.input_facets) for one in event.inputs],
        "outputs": [_dataset(one, "outputFacets", one.output_facets) for one in event.outputs],
    }


def _dataset(dataset: InputDataset | OutputDataset, key: str, more: Mapping[str, object]) -> Json:
    found: Json = {"namespace": dataset.namespace, "name": dataset.name, "facets": dict(dataset.facets)}
    return found | ({key: dict(more)} if more else {})


def _renamed(document: Json, found: Mapping[DatasetName, Identity]) -> Json:
    def rename(entry: Json) -> Json:
        identity = found.get(canonical(entry["namespace"], entry["name"]))
        return entry if identity is None else {**entry, **identity.name._asdict()}

    def dataset(entry: Json) -> Json:
        facet = _with_inputs(entry["facets"].get("columnLineage"), rename)
        facets = entry["facets"] if facet is None else {**entry["facets"], "columnLineage": facet}
        return {**rename(entry), "facets": facets}

    return {
        **document,
        "inputs": _merged([dataset(entry) for entry in document["inputs"]]),
        "outputs": _merged([dataset(entry) for entry in document["outputs"]]),
    }


def _with_inputs(facet: Any, change: Callable[[Json], Json]) -> Any:
    """Returns a columnLineage facet with each dataset in it changed; invalid parts stay as they are."""
    if not isinstance(facet, dict):
        return facet

    def changed(entries: Any) -> Any:
        return [change(e) if _is_named(e) else e for e in entries] if isinstance(entries, list) else entries

    def field(told: Any) -> Any:
        return {**told, "inputFields": changed(told.get("inputFields"))} if isinstance(told, dict) else told

    fields = facet.get("fields")
    mended = {**facet, "dataset": changed(facet["dataset"])} if "dataset" in facet else dict(facet)
    if isinstance(fields, dict):
        mended["fields"] = {column: field(told) for column, told in fields.items()}
    return mended


def _is_named(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("namespace"), str) and isinstance(entry.get("name"), str)


def _merged(datasets: Sequence[Json]) -> list[Json]:
    """Datasets whose names have become one, as one: the first, with the facets that only others have."""
    found: dict[tuple[str, str], Json] = {}
    for dataset in datasets:
        key = (dataset["namespace"], dataset["name"])
        first = found.get(key)
        if first is None:
            found[key] = dataset
        else:
            found[key] = {**dataset, **first, "facets": {**dataset["facets"], **first["facets"]}}
    return list(found.values())
