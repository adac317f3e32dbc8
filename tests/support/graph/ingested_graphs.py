"""Graphs in SQLite files that `headwater ingest` has filled."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.processes.command_line import headwater

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "consumer" / "demo"

EDGE = {
    "eventTime": "2026-11-21T05:22:25Z",
    "eventType": "COMPLETE",
    "run": {"runId": "01a1fc8e-49a0-79c8-b5cf-6d5a71eed773"},
    "job": {"namespace": "dbt", "name": "make_b"},
    "inputs": [{"namespace": "db", "name": "s.a"}],
    "outputs": [{"namespace": "db", "name": "s.b"}],
    "producer": "https://example.com",
    "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
}
"""An event of a run that makes b from a."""


def demo_files() -> list[Path]:
    """Returns the files of the recorded events of the demo, in its order."""
    return [ROOT / "tests" / "data" / "demo" / "duckdb.jsonl", *sorted((DEMO / "events").glob("*.jsonl"))]


def ingest_demo(folder: Path) -> Path:
    """Returns the file of a graph of the demo's recorded events."""
    file = folder / "graph.db"
    done = headwater("ingest", "--graph", f"sqlite:///{file}", "--config", DEMO / "headwater.toml", *demo_files())
    assert done.exit_code == 0, done.output
    return file


def ingest_edge(folder: Path) -> str:
    """Returns the URL of a graph in which b is made from a."""
    url = f"sqlite:///{folder / 'graph.db'}"
    done = headwater("ingest", "-", "--graph", url, stdin=json.dumps(EDGE).encode())
    assert done.exit_code == 0, done.stderr
    return url
