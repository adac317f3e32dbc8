"""Refinement takes no edge away that the event had, unless it knows better."""

from collections.abc import Iterator
from typing import Any

import pytest

from emitter.refine import Refiner
from tests.support.dbt.refinement_inputs import load, samples

ENGINES = ("athena", "redshift")
Edge = tuple[str, ...]


def edges(event: dict[str, Any]) -> set[Edge]:
    """Returns an event's edges: input and output, or input, its column, output and its column."""
    outputs = event.get("outputs") or []
    found: set[Edge] = {(given["name"], output["name"]) for output in outputs for given in event.get("inputs") or []}
    for output in outputs:
        fields = output.get("facets", {}).get("columnLineage", {}).get("fields", {})
        for column, field in fields.items():
            found |= {(each["name"], each["field"], output["name"], column) for each in field["inputFields"]}
    return found


def lost(refiner: Refiner, engine: str) -> Iterator[tuple[str, Edge]]:
    """Yields each edge that the recorded events of an engine lose, with the event's name."""
    events = samples(f"*{engine}*.jsonl")
    assert len(events) > 40, "the samples are not there"
    for event in events:
        for edge in sorted(edges(event) - edges(refiner.refine(event))):
            yield f"{event['eventType']} {event['job']['name']}", edge


def is_no_table(edge: Edge, refiner: Refiner) -> bool:
    """Returns True if one end of an edge is a test's own table, or a CTE or an alias that was taken for a table."""
    source, target = edge[0], edge[len(edge) // 2]
    return "." not in source or "_dbt_test__audit." in target or source not in refiner.project.tables


@pytest.mark.parametrize("catalog", [False, True], ids=["without a catalog", "with a catalog"])
@pytest.mark.parametrize("engine", ENGINES)
def test_recorded_events_lose_phantoms_alone(engine: str, *, catalog: bool) -> None:
    """Whatever an event loses starts at what is no table, or ends at a test."""
    refiner = Refiner(
        load("imdb", f"{engine}_manifest.json"), load("imdb", f"{engine}_catalog.json") if catalog else None
    )
    for place, edge in lost(refiner, engine):
        assert is_no_table(edge, refiner), f"{place} loses {edge}"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("sql", ["select from (", "select x.* from nowhere x", "call a_procedure()"])
def test_sql_that_tells_less_takes_nothing_away(engine: str, sql: str) -> None:
    """The same events, where the manifest's SQL can't be read, or names nothing that is known."""
    manifest = load("imdb", f"{engine}_manifest.json")
    nodes = {key: node | {"compiled_code": sql} for key, node in manifest["nodes"].items()}
    refiner = Refiner(manifest | {"nodes": nodes})
    for place, edge in lost(refiner, engine):
        assert is_no_table(edge, refiner), f"{place} loses {edge}"


@pytest.mark.parametrize("engine", ENGINES)
def test_unknown_columns_take_nothing_away(engine: str) -> None:
    """The same events, where no column of any table is known."""
    manifest = load("imdb", f"{engine}_manifest.json")
    bare = {
        kind: {key: node | {"columns": {}} for key, node in manifest[kind].items()} for kind in ("nodes", "sources")
    }
    refiner = Refiner(manifest | bare)
    for place, edge in lost(refiner, engine):
        assert is_no_table(edge, refiner), f"{place} loses {edge}"
