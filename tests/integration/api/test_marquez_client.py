"""marquez-python as it comes from PyPI, on `headwater serve` as a process: each of its read calls."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.api.serving import ServeProcess
from tests.support.docs.generated_docs import ROOT
from tests.support.graph.example_graphs import GLUE, SAMPLES
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import NeptuneProxy

PYTHON = ROOT / ".cache" / "marquez" / "bin" / "python"
CALLS = ROOT / "tests" / "support" / "api" / "marquez_calls.py"
TABLE = (GLUE, "table/imdb_stg/stg_imdb__name_basics")
COLUMNS, MADE_BY = ("redshift://127.0.0.1:15440", "dev.imdb.genre_titles"), ("dbt", "model.imdb_redshift.genre_titles")
JOB = ("dbt", "model.imdb_athena.stg_imdb__name_basics")


@pytest.mark.skipif(not PYTHON.exists() and os.environ.get("CI") != "true", reason="scripts/setup installs the client")
@pytest.mark.parametrize("store", ["sqlite", "neptune"])
def test_each_read_call_of_the_client(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The dataset has an ARN for a namespace, which Marquez itself can't find by the id of a node."""
    graph = f"sqlite:///{tmp_path}/graph.db"
    if store == "neptune":
        proxy: NeptuneProxy = request.getfixturevalue("neptune")
        graph = proxy.url
    done = headwater("ingest", "--graph", graph, *_events())
    assert done.exit_code == 0, done.output
    server = ServeProcess(tmp_path, "--graph", graph, "--ingest", "off")
    try:
        found = _calls(server.url, _run_of(graph))
    finally:
        assert server.stop() == 0, server.log.read_text()
    assert (found["events_refused"], found["write_refused"]) == (True, True)
    assert found["dataset"]["id"] == {"namespace": TABLE[0], "name": TABLE[1]}
    assert found["version"] == found["versions"]["versions"][0]
    assert found["job"]["outputs"] == [found["dataset"]["id"]]
    assert found["run"]["state"] == "COMPLETED" == found["runs"]["runs"][0]["state"]
    assert TABLE[1] in {one["name"] for one in found["datasets"]["datasets"]}
    assert JOB[1] in {one["name"] for one in found["jobs"]["jobs"]}
    assert found["namespace"] in found["namespaces"]["namespaces"]
    assert found["source"] in found["sources"]["sources"]
    node = f"datasetField:{COLUMNS[0]}:{COLUMNS[1]}:genre"
    graphs = [found[key]["graph"] for key in ("columns", "field", "by_job", "current")]
    assert all(node in {one["id"] for one in graph} for graph in graphs)
    assert found["of_an_arn"] == {"graph": []}
    assert found["tags"] == {"tags": []}


def _events() -> list[Path]:
    return [SAMPLES / "events_athena.jsonl", SAMPLES / "events_redshift_withcatalog.jsonl"]


def _run_of(graph: str) -> str:
    done = headwater("runs", JOB[1], "--json", "--graph", graph)
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout)["runs"][0]["id"])


def _calls(url: str, run: str) -> Any:
    arguments = {"table": TABLE, "job": JOB, "run": run, "columns": COLUMNS, "field": "genre", "made_by": MADE_BY}
    done = subprocess.run([PYTHON, CALLS, url, json.dumps(arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
