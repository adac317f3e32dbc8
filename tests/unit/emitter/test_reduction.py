"""Reduction: steps drop facets of an event of any form, and the marker lists what is missing."""

import json
from typing import Any

from emitter.reduction import MARKER, Json, reduced, without, without_descriptions, without_others


def dumped(event: Json) -> bytes:
    """Returns an event as JSON."""
    return json.dumps(event).encode()


def dataset(**facets: Any) -> dict[str, Any]:
    """Makes a dataset."""
    return {"namespace": "n", "name": "d", "facets": facets, "inputFacets": {"subset": {"a": 1}}}


def test_descriptions_of_nested_columns_go_too() -> None:
    """A field of a field loses its description, at any depth, and keeps its name."""
    field: dict[str, Any] = {"name": "innermost", "description": "d"}
    for _ in range(5_000):
        field = {"name": "f", "description": "d", "fields": [field]}
    event = {"inputs": [dataset(schema={"fields": [field]})]}
    without_descriptions(event)
    depth, fields = 0, [field]
    while fields:
        assert fields[0].keys() <= {"name", "fields"}
        depth, fields = depth + 1, fields[0].get("fields", [])
    assert depth == 5_001


def test_a_step_that_finds_nothing_is_not_listed() -> None:
    """Each result lists all that was dropped by then, without steps that found nothing."""
    event: Json = {"run": {"facets": {"a": 1, "b": 2}}}
    steps = (("first", without("a")), ("absent", without("x")), ("last", without("b")))
    found = list(reduced(event, 99, steps, dumped, "urn:test"))
    assert [dropped for _, dropped in found] == [("first",), ("first", "last")]
    marker = json.loads(found[-1][0])["run"]["facets"][MARKER]
    assert (marker["_producer"], marker["dropped"], marker["originalBytes"]) == ("urn:test", ["first", "last"], 99)


def test_places_limit_a_step() -> None:
    """Facets of other places stay, and so does a marker where all unknown facets go."""
    run: dict[str, Any] = {"facets": {"schema": 1, MARKER: {}}}
    read, written = dataset(schema=1), dataset(schema=1)
    event = {"run": run, "inputs": [read], "outputs": [written]}
    without("schema", places=("inputs",))(event)
    assert ["schema" in owner["facets"] for owner in (run, read, written)] == [True, False, True]
    without_others({"schema"})(event)
    assert run["facets"].keys() == {"schema", MARKER}
    assert read["inputFacets"] == {}
