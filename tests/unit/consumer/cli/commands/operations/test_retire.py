"""`headwater retire`: a job, a dataset, and a later event that brings either back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.dbt.dbt_artifacts import manifest, node
from tests.support.graph.example_graphs import REDSHIFT, job, table
from tests.support.processes.command_line import headwater

JOB = "model.p.titles"


@pytest.fixture
def graph(tmp_path: Path) -> str:
    """A graph of one declared job, from 2026-01-01."""
    url = f"sqlite:///{tmp_path}/graph.db"
    event = job(table("titles"), table("basics"), name=JOB)
    assert headwater("ingest", "--graph", url, "-", stdin=orjson.dumps(event)).exit_code == 0
    return url


def edges(graph: str) -> list[Any]:
    """The lineage edges of a graph."""
    done = headwater("export", "--graph", graph)
    assert done.exit_code == 0, done.output
    return list(json.loads(done.stdout)["dataset_edges"])


@pytest.mark.parametrize("name", [JOB, f"dbt/{JOB}", "titles", "dev.s.titles"])
def test_what_is_retired_is_not_current_until_it_comes_back(graph: str, name: str) -> None:
    """By its own name; the history stays, and an event after the moment counts again."""
    assert len(edges(graph)) == 1
    done = headwater("retire", name, "--graph", graph, "--at", "2026-01-02", "--json")
    assert done.exit_code == 0, done.output
    event = json.loads(done.stdout)
    assert event["eventTime"].startswith("2026-01-02T00:00:00")
    assert done.stderr.endswith(" as of 2026-01-02T00:00:00Z\n")
    assert edges(graph) == []
    assert headwater("show", "titles", "--graph", graph).exit_code == 0
    later = {**job(table("titles"), table("basics"), name=JOB), "eventTime": "2026-01-03T00:00:00Z"}
    assert headwater("ingest", "--graph", graph, "-", stdin=orjson.dumps(later)).exit_code == 0
    assert len(edges(graph)) == 1


def test_a_moment_before_the_last_event_changes_nothing(graph: str) -> None:
    """What the job did since then counts."""
    assert headwater("retire", JOB, "--graph", graph, "--at", "2025-12-31").exit_code == 0
    assert len(edges(graph)) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "no job is called nothing, and no dataset is called"),
        ("titles.*", "is a column"),
        ("dbt", "no dataset is called"),
    ],
)
def test_what_can_not_be_retired(graph: str, name: str, said: str) -> None:
    """Exit code 2 with the reason; nothing is written."""
    done = headwater("retire", name, "--graph", graph)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert len(edges(graph)) == 1


def test_a_backfill_retires_what_the_manifest_no_longer_has(tmp_path: Path) -> None:
    """A model that was deleted from its project; it is back with the next manifest that has it."""
    url = f"sqlite:///{tmp_path}/graph.db"

    def fold(day: int, *names: str) -> str:
        file = tmp_path / f"{day}.json"
        document = manifest(*(node(f"model.p.{name}") for name in names), adapter="redshift")
        document["metadata"]["generated_at"] = f"2026-01-{day:02}T00:00:00Z"
        file.write_text(json.dumps(document))
        done = headwater("backfill", file, "--graph", url, "--namespace", REDSHIFT)
        assert done.exit_code == 0, done.output
        return str(done.stderr)

    def written() -> set[str]:
        found = json.loads(headwater("export", "--graph", url).stdout)
        return {name for (_, name), _ in found["writes"]}

    fold(1, "a", "b")
    assert written() == {"model.p.a", "model.p.b"}
    assert "model.p.b is no longer in the manifest" in fold(2, "a")
    assert written() == {"model.p.a"}
    assert "no longer in the manifest" not in fold(3, "a", "b")
    assert written() == {"model.p.a", "model.p.b"}


def test_an_exposure_is_not_retired(graph: str) -> None:
    """Such a leaf goes with the declaration of dbt; an event that drops a dataset of its name would change nothing."""
    use = {"dbt_exposures": {"exposures": [{"unique_id": "exposure.p.weekly", "name": "weekly"}]}}
    event = {**job(table("titles"), name=JOB, facets=use), "eventTime": "2026-01-02T00:00:00Z"}
    assert headwater("ingest", "--graph", graph, "-", stdin=orjson.dumps(event)).exit_code == 0
    done = headwater("retire", "weekly", "--graph", graph)
    assert (done.exit_code, "weekly is an exposure" in done.stderr) == (2, True), done.output
