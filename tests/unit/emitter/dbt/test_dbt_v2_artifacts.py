"""dbt v2's artifacts, real ones and our own samples: nothing is rejected, and the graph is the project's."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emitter.dbt.backfill import Artifacts, DatasetLocation, Event, Manifest, RunResults, events
from emitter.refine import Refiner
from tests.support.dbt.fake_dbt_v2 import SAMPLES
from tests.support.events.specification import Specification
from tests.support.graph.graph_of_events import embedded

BETA = SAMPLES / "real" / "duckdb-2.0.0-beta.2"
PLACES = {"duckdb": DatasetLocation("duckdb://dev.duckdb"), "redshift": DatasetLocation("redshift://wg.us-east-1:5439")}


def read(path: Path) -> dict[str, Any]:
    """A JSON file, gzipped or not."""
    content = path.read_bytes()
    return dict(json.loads(gzip.decompress(content) if path.suffix == ".gz" else content))


def made(manifest: Path, results: Path, catalog: Path | None = None) -> list[Event]:
    """The refined events of one project."""
    found = Manifest(read(manifest))
    columns = read(catalog) if catalog else None
    refine = Refiner(found.document, columns).refine
    return list(events(Artifacts(found, RunResults(read(results)), columns), PLACES[found.adapter], refine=refine))


def sample(adapter: str, results: str = "target") -> list[Event]:
    """The events of one of our own samples, with the manifest of its complete run."""
    folder = SAMPLES / adapter
    return made(folder / "target" / "manifest.json", folder / results / "run_results.json")


def shape(found: list[Event]) -> dict[str, int]:
    """The sizes of the graph of events."""
    graph = json.loads(embedded([found]))
    return {part: len(graph[part]) for part in ("datasets", "dataset_edges", "column_edges")}


def states(found: list[Event]) -> Counter[str]:
    """How many nodes have each kind of terminal event, by resource type and state."""
    ended = (event for event in found if event.get("eventType") in {"COMPLETE", "FAIL", "ABORT"})
    return Counter(f"{event['job']['facets']['jobType']['jobType']} {event['eventType']}" for event in ended)


def test_a_real_build() -> None:
    """2.0.0-beta.2 on DuckDB: 15 nodes built, 44 tests passed, 25 nodes not selected."""
    found = made(BETA / "manifest.json.gz", BETA / "run_results.json.gz", BETA / "catalog.json.gz")
    assert shape(found) == {"datasets": 50, "dataset_edges": 59, "column_edges": 83}
    built = sum(states(found)[f"{kind} COMPLETE"] for kind in ("MODEL", "SEED", "SNAPSHOT"))
    declared = [event for event in found if "run" not in event and event["outputs"]]
    assert (built, len(declared), states(found)["JOB COMPLETE"]) == (15, 25, 1)
    assert found[0]["eventTime"] == "2026-08-20T13:47:11.789990640Z", "dbt's run starts when dbt was started"


@pytest.mark.parametrize("adapter", ["duckdb", "redshift"])
def test_a_complete_build(adapter: str) -> None:
    """Versioned, incremental, ephemeral and snapshot nodes, a function, a seed, tests."""
    found = sample(adapter)
    assert shape(found) == {"datasets": 8, "dataset_edges": 8, "column_edges": 27}
    assert states(found) == {
        "MODEL COMPLETE": 5,
        "SEED COMPLETE": 1,
        "SNAPSHOT COMPLETE": 1,
        "TEST COMPLETE": 3,
        "JOB COMPLETE": 1,
    }


@pytest.mark.parametrize("adapter", ["duckdb", "redshift"])
def test_a_cancelled_build(adapter: str) -> None:
    """Each node has the same error, also the two that had succeeded: only dbt's own run is told."""
    folder = SAMPLES / adapter / "target-cancelled"
    found = made(folder / "manifest.json", folder / "run_results.json")
    assert [(event["job"]["name"], event["eventType"]) for event in found] == [
        ("dbt-run-shop", "START"),
        ("dbt-run-shop", "FAIL"),
    ]


def test_a_cancelled_build_takes_nothing_away() -> None:
    """The graph of an earlier complete run stays as it was."""
    folder = SAMPLES / "redshift" / "target-cancelled"
    cancelled = made(folder / "manifest.json", folder / "run_results.json")
    later = json.loads(json.dumps(cancelled).replace("2026-11-20", "2026-11-21"))
    before, after = (json.loads(embedded([found])) for found in (sample("redshift"), [*sample("redshift"), *later]))
    for part in ("datasets", "dataset_edges", "column_edges"):
        assert before[part] == after[part]


def test_a_build_with_reused_nodes() -> None:
    """What dbt left as it was is no run, and keeps its lineage; dbt's run has not failed."""
    found = sample("redshift", "target-reused")
    assert shape(found) == {"datasets": 8, "dataset_edges": 8, "column_edges": 27}
    declared = {event["job"]["facets"]["dbt_node"]["unique_id"] for event in found if "run" not in event}
    assert declared == {"seed.shop.raw_orders", "model.shop.stg_customers"}
    assert states(found)["JOB COMPLETE"] == 1
    assert not [state for state in states(found) if "FAIL" in state]


@pytest.mark.parametrize("adapter", ["duckdb", "redshift"])
def test_events_of_samples_conform_to_the_specification(adapter: str) -> None:
    """Runs and declared nodes alike."""
    specification = Specification()
    for event in [*sample(adapter), *sample("redshift", "target-reused")]:
        assert not (faults := specification.faults(event)), f"{event['job']['name']}: {faults}"
