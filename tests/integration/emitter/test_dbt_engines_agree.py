"""Law: dbt-core's run, dbt v2's telemetry and its artifacts of one project are one graph, also one after another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emitter.dbt.backfill import Artifacts, DatasetLocation, Event, Manifest, RunResults, events
from emitter.refine import Refiner
from tests.support.dbt.fake_dbt_v2 import REPLAY, SAMPLES, DbtV2, Layout
from tests.support.graph.graph_of_events import embedded

PLACE = DatasetLocation("duckdb://dev.duckdb")
ON_RUN = ".on-run-"
PARTS = ("reads", "writes", "dataset_edges", "column_edges")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project, built by `headwater-dbt build` with dbt-core; its events are in `core.jsonl`."""
    path = tmp_path_factory.mktemp("engines") / "shop"
    shutil.copytree(SAMPLES / "project", path)
    # The sample is of a second run, in which the incremental model reads itself.
    tests = ["--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    first = ("dbt", ["build", "--select", "+customers", *tests])
    for program, arguments in (first, ("headwater-dbt", ["build"])):
        run(path, program, arguments)
    return path


def run(folder: Path, program: str, arguments: list[str], **environment: str) -> None:
    """Runs a program of this Python's environment in a project's folder; events are added to `core.jsonl`."""
    reported = {"type": "file", "log_file_path": str(folder / "core.jsonl"), "append": True}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENLINEAGE", "DBT_"))}
    own = {
        "OPENLINEAGE__TRANSPORT": json.dumps(reported),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    variables = kept | own | environment
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def read(path: Path) -> list[Event]:
    """Events in a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def left(folder: Path) -> list[Event]:
    """What backfill makes of the artifacts in a folder."""
    manifest = Manifest(json.loads((folder / "manifest.json").read_text()))
    results = RunResults(json.loads((folder / "run_results.json").read_text()))
    refiner = Refiner(manifest.document)
    return list(events(Artifacts(manifest, results), PLACE, refine=refiner.refine, hooks=refiner.hooks))


def of_both(found: list[Event]) -> list[Event]:
    """The events but those of the hooks of dbt's run, of which the samples of dbt v2 have no nodes."""
    return [event for event in found if ON_RUN not in event.get("job", {}).get("name", "")]


def graph(*found: list[Event]) -> dict[str, Any]:
    """The parts of the graph that say what is made from what."""
    document = json.loads(embedded([[event for some in found for event in some]]))
    names = [[each["namespace"], each["name"]] for each in document["datasets"]]
    return {part: document[part] for part in PARTS} | {"datasets": names}


def test_the_engines_agree(folder: Path, tmp_path: Path) -> None:
    """Tables, columns, jobs, and what connects them; dbt-core's own artifacts too."""
    told = read(folder / "core.jsonl")
    core = graph(of_both(told))
    dbt = DbtV2(tmp_path, Layout.PIP)
    assert dbt.run("build").returncode == 0
    assert graph(dbt.events()) == core
    assert graph(left(SAMPLES / "duckdb" / "target")) == core
    assert graph(of_both(left(folder / "target"))) == core
    assert graph(left(folder / "target")) == graph(told), "with the hooks of the run"
    hooks = [event for event in told if ON_RUN in event["job"]["name"]]
    assert [(each["job"]["name"], each["outputs"][0]["name"]) for each in hooks] == [
        ("dbt-run-shop.on-run-start.2", "dev.lake.CUSTOMERS_V1")
    ]
    assert (len(core["dataset_edges"]), len(core["column_edges"])) == (8, 27)


@pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.name.lower())
def test_a_project_moves_from_one_engine_to_the_other(folder: Path, tmp_path: Path, layout: Layout) -> None:
    """Its jobs and its lineage stay, and dbt-core's manifest is good enough to tell v2's first run while it goes on."""
    before = read(folder / "core.jsonl")
    dbt = DbtV2(tmp_path, layout)
    shutil.copytree(folder / "target", tmp_path / "target")
    assert dbt.run("build").returncode == 0
    after = dbt.events()
    assert graph(before, after) == graph(before) == graph(after, before)
    names = [{event["job"]["name"] for event in of_both(found) if "job" in event} for found in (before, after)]
    assert names[0] == names[1]
    order = [(event["job"]["name"], event["eventType"]) for event in after]
    staged, made = (f"dev.shop.shop.{name}.build.run" for name in ("stg_orders", "orders"))
    assert order.index((staged, "COMPLETE")) < order.index((made, "START")), "it waits for no other manifest"


def test_dbt_core_with_the_parser_of_v2(folder: Path, tmp_path: Path) -> None:
    """The graph is that of dbt-core, and so is the engine, though the manifest has the version of its parser."""
    shop = tmp_path / "shop"
    shutil.copytree(folder, shop, ignore=shutil.ignore_patterns("core.jsonl"))
    parser = {"DBT_ENGINE_USE_V2_PARSER": "1", "DBT_ENGINE_V2_PARSER": f"{sys.executable} {REPLAY} parse"}
    sample = shutil.copytree(SAMPLES / "duckdb", tmp_path / "sample")
    manifest = sample / "target" / "manifest.json"
    # dbt-core loads a seed from the project's folder, which is a part of the manifest.
    manifest.write_text(manifest.read_text().replace("/home/dbt/shop", str(shop)))
    replay = {"REPLAY_SAMPLE": str(sample), "REPLAY_SPEED": "0"}
    run(shop, "headwater-dbt", ["build"], **parser, **replay)
    live = read(shop / "core.jsonl")
    assert graph(live) == graph(of_both(read(folder / "core.jsonl"))) == graph(left(shop / "target"))
    assert json.loads((shop / "target" / "manifest.json").read_text())["metadata"]["dbt_version"] == "2.0.9"
    for event in (*live, *left(shop / "target")):
        if "run" in event:
            assert event["run"]["facets"]["processing_engine"]["version"].startswith("1.12.")
