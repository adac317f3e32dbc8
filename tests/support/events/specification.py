"""OpenLineage's own JSON Schemas, to check events and their facets with."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs

ROOT = Path(__file__).parents[3]
SPEC = ROOT / "tests" / "data" / "openlineage_spec"
EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json"


def documents() -> dict[str, dict[str, Any]]:
    """Returns the schemas by `$id`."""
    found = (json.loads(path.read_text("utf-8")) for path in [SPEC / "OpenLineage.json", *SPEC.glob("facets/*.json")])
    return {document["$id"]: document for document in found}


class Specification:
    """The schemas, to check events with."""

    def __init__(self) -> None:
        self._documents = documents()
        self._registry = jsonschema_rs.Registry(list(self._documents.items()))
        self._validators: dict[str, Any] = {}

    def faults(self, event: Mapping[str, Any]) -> list[str]:
        """What the schemas have against an event, and against each facet that names one of them."""
        found = self._faults(EVENT, event)
        for key, facet in facets_of(event):
            schema = str(facet.get("_schemaURL"))
            if schema.partition("#")[0] in self._documents:
                found += [f"{key}: {fault}" for fault in self._faults(schema, facet)]
        return found

    def _faults(self, ref: str, document: object) -> list[str]:
        if ref not in self._validators:
            self._validators[ref] = jsonschema_rs.Draft202012Validator(
                {"$ref": ref}, registry=self._registry, validate_formats=True
            )
        return [
            f"{list(error.instance_path)}: {error.message}" for error in self._validators[ref].iter_errors(document)
        ]


def facets_of(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All facets of an event, with their keys."""
    owners = [event.get("run"), event.get("job"), *event.get("inputs", []), *event.get("outputs", [])]
    for owner in owners:
        for place in ("facets", "inputFacets", "outputFacets"):
            yield from ((owner or {}).get(place) or {}).items()
