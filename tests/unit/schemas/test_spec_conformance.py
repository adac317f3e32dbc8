"""OpenLineage's own JSON Schemas: what they allow is accepted, and the samples are what they allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from schemas import facets as views
from schemas.decode import decode_document
from schemas.events import DatasetEvent, JobEvent, RunEvent
from schemas.facets import Facet, read
from tests.support.events.specification import documents

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "tests" / "data" / "samples"
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json"
VIEWS = [
    view for view in vars(views).values() if isinstance(view, type) and issubclass(view, Facet) and view is not Facet
]
NOT_IN_THE_SPECIFICATION = {"dbt_node", "dbt_run", "dbt_model", "dbt_exposures", "headwater_skipped", "spark.exception"}
BASE = {"_producer": "https://example.com/p", "_schemaURL": "https://example.com/s"}

Check = Callable[[str, object], list[str]]


@pytest.fixture(scope="module", name="spec")
def specification() -> dict[str, dict[str, Any]]:
    """The schemas by `$id`."""
    return documents()


@pytest.fixture(scope="module", name="check")
def checker(spec: dict[str, dict[str, Any]]) -> Check:
    """What the schemas with an id, such as `{CORE}#/$defs/Job`, have against a document."""
    registry = jsonschema_rs.Registry(list(spec.items()))
    validators: dict[str, Any] = {}

    def check(ref: str, document: object) -> list[str]:
        if ref not in validators:
            validators[ref] = jsonschema_rs.Draft202012Validator(
                {"$ref": ref}, registry=registry, validate_formats=True
            )
        return [f"{list(error.instance_path)}: {error.message}" for error in validators[ref].iter_errors(document)]

    return check


def sample_events() -> Iterator[tuple[str, dict[str, Any]]]:
    """The real events."""
    for path in sorted(SAMPLES.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            yield f"{path.name}:{number}", json.loads(line)


def facets_of(event: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """All facets of an event, with their keys."""
    owners = [event["run"], event["job"], *event["inputs"], *event["outputs"]]
    for owner in owners:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from owner.get(kind, {}).items()


def test_the_samples_conform(check: Check, spec: dict[str, dict[str, Any]]) -> None:
    """The real events, and those of their facets that the specification knows, are what it says."""
    by_key: dict[str, list[str]] = {}
    for id_, document in spec.items():
        for key in document.get("properties", {}):
            by_key.setdefault(key, []).append(id_)
    for place, event in sample_events():
        assert check(CORE, event) == [], place
        for key, facet in facets_of(event):
            faults = [check(id_, {key: facet}) for id_ in by_key.get(key, [])]
            assert not faults or [] in faults, f"{place}: {key}: {faults}"


def example(schema: dict[str, Any], resolve: Callable[[str], dict[str, Any]], *, full: bool) -> Any:
    """A document that a schema allows: with all its properties, or with the required ones only."""
    if "$ref" in schema:
        return example(resolve(schema["$ref"]), resolve, full=full)
    if "enum" in schema or schema.get("type", "object") != "object":
        return value_of(schema, resolve, full=full)
    found: dict[str, Any] = {}
    for branch in [*schema.get("allOf", []), *schema.get("oneOf", [])[:1]]:
        found |= example(branch, resolve, full=full)
    for key, inner in schema.get("properties", {}).items():
        if full or key in schema.get("required", []):
            found[key] = example(inner, resolve, full=full)
    inner = schema.get("additionalProperties")
    if full and isinstance(inner, dict):
        found["a"] = example(inner, resolve, full=full)
    return found


def value_of(schema: dict[str, Any], resolve: Callable[[str], dict[str, Any]], *, full: bool) -> Any:
    """A scalar or an array that a schema allows."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "array":
        # What is in the item is the least: fields may have fields.
        return [example(schema["items"], resolve, full=False)] if full else []
    if schema["type"] == "string":
        formats = {"date-time": "2026-11-21T05:22:25Z", "uuid": "01a1fc7f-4f87-75d1-b91b-1e46bc29e91e"}
        return formats.get(schema.get("format", ""), "https://example.com/x")
    return {"boolean": False, "integer": 1, "number": 1}[schema["type"]]


def resolver(spec: dict[str, dict[str, Any]], base: str) -> Callable[[str], dict[str, Any]]:
    """Looks a `$ref` up, seen from the document `base`."""

    def resolve(ref: str) -> dict[str, Any]:
        document, _, pointer = ref.partition("#")
        found = spec[document or base]
        # References of the schemas' definitions point into the same document, whichever it is.
        for step in pointer.strip("/").split("/"):
            found = found[step] if step else found
        return json.loads(json.dumps(found).replace('"#/', f'"{document or base}#/')) if document else found

    return resolve


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kind", [RunEvent, JobEvent, DatasetEvent])
def test_what_the_specification_allows_is_accepted(
    spec: dict[str, dict[str, Any]], check: Check, kind: type[object], *, full: bool
) -> None:
    """The least and the fullest event of each kind."""
    document = example(spec[CORE]["$defs"][kind.__name__], resolver(spec, CORE), full=full)
    assert check(CORE, document) == [], f"the example is not what the schema allows: {document}"
    assert isinstance(decode_document(document), kind), f"{document}"


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("view", [v for v in VIEWS if v.key not in NOT_IN_THE_SPECIFICATION], ids=lambda view: view.key)
def test_facets_that_the_specification_allows_can_be_read(
    spec: dict[str, dict[str, Any]], check: Check, view: type[Facet], *, full: bool
) -> None:
    """The least and the fullest facet of each kind; and every one that the graph uses is in the specification."""
    schemas = [(id_, document) for id_, document in spec.items() if view.key in document.get("properties", {})]
    assert schemas, f"the specification has no facet {view.key!r}"
    for id_, document in schemas:
        facet_schema = document["properties"][view.key]
        for branch in facet_schema.get("anyOf", [facet_schema]):
            facet = example(branch, resolver(spec, id_), full=full) | BASE | {"_deleted": False}
            assert check(id_, {view.key: facet}) == [], f"the example is not what {id_} allows: {facet}"
            assert isinstance(read(view, {view.key: facet}, "$.facets"), view), f"{id_}: {facet}"
