"""Translation of events to the documents that are posted to DataZone; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from consumer.datazone.size_limit import shrink
from consumer.datazone.source_identifier import Identities, Identity
from consumer.datazone.sql_lineage import is_test, refine
from schemas.events import Dataset, Event, InputDataset, OutputDataset, RunEvent
from schemas.naming import DatasetName, canonical

Json = dict[str, Any]
Forward = Literal["complete", "all"]

PRODUCER: Final = "urn:headwater:datazone"
SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
"""Defaults of `producer` and `schemaURL`: DataZone may accept an event without them and then fail to process it."""

_WITHOUT_LINEAGE: Final = frozenset({"START", "FAIL", "ABORT"})
"""Types of events without lineage beyond that of running or completed runs."""


class Skip(StrEnum):
    """Reason why an event is not posted."""

    NOT_A_RUN = "not_a_run"
    NO_LINEAGE = "no_lineage"


@dataclass(frozen=True, slots=True)
class Translation:
    """The document that is posted for one event.

    Attributes:
        body: JSON of the event, at most 300,000 bytes.
        dropped: Dropped parts, by the names of `consumer.datazone.size_limit.STEPS`.
    """

    body: bytes
    dropped: tuple[str, ...] = ()

    def token(self, domain_id: str) -> str:
        """Returns the client token of a post, a hash of domain and body, so that DataZone deduplicates repeats."""
        return hashlib.sha256(b"\0".join((domain_id.encode(), self.body))).hexdigest()


def translate(event: Event, identities: Identities, forward: Forward = "complete") -> Translation | Skip:
    """Translates an event to the document to post, or returns the reason to skip it.

    Args:
        event: The decoded event.
        identities: Resolves the names under which datasets are posted.
        forward: `complete` for events that carry lineage, `all` for all run events.

    Raises:
        TooLarge: The event exceeds the size limit even without its optional facets.
    """
    if not isinstance(event, RunEvent):
        return Skip.NOT_A_RUN
    document = _select(event, forward)
    if isinstance(document, Skip):
        return document
    return Translation(*shrink(_renamed(document, _identities(event, identities))))


def datasets(event: RunEvent, identities: Identities, forward: Forward = "complete") -> dict[DatasetName, Identity]:
    """Returns the identities of an event's posted datasets by canonical name; empty if the event is not posted.

    Args:
        event: The decoded event.
        identities: Resolves the names under which datasets are posted.
        forward: Selects the events to post, as in `translate`.
    """
    document = _select(event, forward)
    if isinstance(document, Skip):
        return {}
    found = _identities(event, identities)
    named = (canonical(d["namespace"], d["name"]) for d in (*document["inputs"], *document["outputs"]))
    return {name: found[name] for name in named}


def _select(event: RunEvent, forward: Forward) -> Json | Skip:
    """Returns the refined document of an event, datasets under their original names, or the reason to skip it."""
    if forward == "complete" and not _carries_lineage(event):
        return Skip.NO_LINEAGE
    document = refine(_document(event))
    return Skip.NO_LINEAGE if forward == "complete" and is_test(document) else document


def _identities(event: RunEvent, identities: Identities) -> dict[DatasetName, Identity]:
    """Returns the identities of all datasets of an event by canonical name; the first linkable one wins."""
    found: dict[DatasetName, Identity] = {}
    for some, read in ((event.outputs, False), (event.inputs, True)):
        for dataset in some:
            name = canonical(dataset.namespace, dataset.name)
            if name not in found or not found[name].source:
                found[name] = identities.of(dataset, read=read)
    return _with_column_origins(event, found, identities)


def _with_column_origins(
    event: RunEvent, found: dict[DatasetName, Identity], identities: Identities
) -> dict[DatasetName, Identity]:
    """Adds the identities of datasets that only column lineage names."""
    for output in event.outputs:
        for namespace, name in _field_names(output.facets.get("columnLineage")):
            key = canonical(namespace, name)
            if key not in found:
                found[key] = identities.of(Dataset(namespace, name, {}), read=True)
    return found


def _field_names(facet: Any) -> list[tuple[str, str]]:
    names: list[tuple[str, str]] = []

    def collect(entry: Json) -> Json:
        names.append((entry["namespace"], entry["name"]))
        return entry

    _map_datasets(facet, collect)
    return names


def _carries_lineage(event: RunEvent) -> bool:
    return event.event_type not in _WITHOUT_LINEAGE and bool(event.inputs or event.outputs)


def _document(event: RunEvent) -> Json:
    """Returns an event as a document with all parts; facets are shared with the event and must not be modified."""
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
    document: Json = {"namespace": dataset.namespace, "name": dataset.name, "facets": dict(dataset.facets)}
    if more:
        document[key] = dict(more)
    return document


def _renamed(document: Json, found: Mapping[DatasetName, Identity]) -> Json:
    def rename(entry: Json) -> Json:
        identity = found.get(canonical(entry["namespace"], entry["name"]))
        return entry if identity is None else {**entry, **identity.name._asdict()}

    def dataset(entry: Json) -> Json:
        facet = _map_datasets(entry["facets"].get("columnLineage"), rename)
        facets = entry["facets"] if facet is None else {**entry["facets"], "columnLineage": facet}
        return {**rename(entry), "facets": facets}

    return {
        **document,
        "inputs": _merge_by_name([dataset(entry) for entry in document["inputs"]]),
        "outputs": _merge_by_name([dataset(entry) for entry in document["outputs"]]),
    }


def _map_datasets(facet: Any, change: Callable[[Json], Json]) -> Any:
    """Returns a columnLineage facet with `change` applied to each dataset; invalid parts are kept."""
    if not isinstance(facet, dict):
        return facet

    def change_all(entries: Any) -> Any:
        if not isinstance(entries, list):
            return entries
        return [change(entry) if _is_named(entry) else entry for entry in entries]

    def change_field(field: Any) -> Any:
        if not isinstance(field, dict):
            return field
        return {**field, "inputFields": change_all(field.get("inputFields"))}

    changed = dict(facet)
    if "dataset" in facet:
        changed["dataset"] = change_all(facet["dataset"])
    fields = facet.get("fields")
    if isinstance(fields, dict):
        changed["fields"] = {column: change_field(field) for column, field in fields.items()}
    return changed


def _is_named(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("namespace"), str) and isinstance(entry.get("name"), str)


def _merge_by_name(datasets: Sequence[Json]) -> list[Json]:
    """Merges datasets of equal names: keeps the first, and adds facets that only later ones have."""
    found: dict[tuple[str, str], Json] = {}
    for dataset in datasets:
        key = (dataset["namespace"], dataset["name"])
        first = found.get(key)
        if first is None:
            found[key] = dataset
        else:
            found[key] = {**dataset, **first, "facets": {**dataset["facets"], **first["facets"]}}
    return list(found.values())
