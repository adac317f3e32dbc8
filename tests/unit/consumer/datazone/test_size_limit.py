"""An event that is too large loses what lineage needs least, in the order that is documented."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.datazone.size_limit import MAX_BYTES, SHOWN, STEPS, TooLarge, shrink
from emitter.reduction import MARKER

TEXT = "x" * 2_000


def event(columns: int = 5) -> dict[str, Any]:
    """An event with all that can be dropped."""
    schema = {"fields": [{"name": f"c{n}", "type": "int", "description": TEXT} for n in range(columns)]}
    sources = [{"namespace": "n", "name": "a", "field": "c", "transformations": [{"type": "DIRECT", "why": TEXT}]}]
    lineage = {"fields": {f"c{n}": {"inputFields": sources} for n in range(columns)}, "dataset": sources}
    facets = {"schema": schema, "documentation": {"description": TEXT}, "dataSource": {"uri": TEXT}}
    return {
        "run": {"runId": "r", "facets": {"environment-properties": {"a": "b"}, "spark_plan": {"plan": TEXT}}},
        "job": {"namespace": "n", "name": "j", "facets": {"sql": {"query": TEXT}, "jobType": {"jobType": "MODEL"}}},
        "inputs": [{"namespace": "n", "name": "a", "facets": {**facets, "symlinks": {"identifiers": []}}}],
        "outputs": [{"namespace": "n", "name": "b", "facets": {**facets, "columnLineage": lineage}}],
    }


def test_what_is_small_enough_stays_whole() -> None:
    """Nothing is dropped, and nothing is marked."""
    body, dropped = shrink(event())
    assert (orjson.loads(body), dropped) == (event(), ())


def test_the_order() -> None:
    """Ever smaller limits drop one thing more, in the order of the steps; the marker says which."""
    size, found = len(orjson.dumps(event())), []
    limit = size
    while True:
        try:
            body, dropped = shrink(event(), limit)
        except TooLarge:
            break
        found.append(dropped)
        limit = len(body) - 1
        document = orjson.loads(body)
        assert len(body) <= size
        assert document["run"]["facets"].get(MARKER, {}).get("dropped", []) == list(dropped)
        assert [d["name"] for d in (*document["inputs"], *document["outputs"])] == ["a", "b"]
    names = [name for name, _ in STEPS]
    assert [len(dropped) for dropped in found] == list(range(len(names) + 1)), "each step makes it smaller"
    assert found[-1] == tuple(names), "the last thing is column lineage"
    assert names[0] == "documentation"
    assert names[-1] == "columnLineage"


def test_what_is_left_of_each_thing() -> None:
    """Descriptions go before columns; known facets stay when unknown ones go."""
    body, dropped = shrink(event(), len(orjson.dumps(event())) - 26_000)
    document = orjson.loads(body)
    assert dropped == ("documentation", "sql", "schema descriptions")
    assert document["inputs"][0]["facets"]["schema"]["fields"][0] == {"name": "c0", "type": "int"}
    body, dropped = shrink(event(), len(body) - 1)
    document = orjson.loads(body)
    facets = [f for owner in ("run", "job") for f in document[owner]["facets"]]
    facets += [f for d in (*document["inputs"], *document["outputs"]) for f in d["facets"]]
    assert dropped[-1] == "unknown facets"
    assert set(facets) - {MARKER} <= SHOWN


def test_names_alone_are_too_large() -> None:
    """Inputs and outputs are never dropped; the reason says how many there are."""
    many = event() | {"inputs": [{"namespace": "n" * 1_000, "name": f"t{n}", "facets": {}} for n in range(400)]}
    with pytest.raises(TooLarge, match="400 inputs and 1 output still"):
        shrink(many)


def test_the_documented_order_is_the_order() -> None:
    """docs/datazone.md lists the steps as they are, and the limit."""
    text = (Path(__file__).parents[4] / "docs" / "datazone.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\d+\. `([^`]+)`(?::|$)", text, re.MULTILINE)
    assert listed == [name for name, _ in STEPS]
    assert f"{MAX_BYTES:,}" in text
