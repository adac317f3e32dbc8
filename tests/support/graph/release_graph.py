"""Writes the graph file of this version, which tests open with every later version.

`python -m tests.support.graph.release_graph` writes three files into tests/data/graphs: VERSION.jsonl with events,
VERSION.sqlite with the graph of these events, and VERSION.json with its export. Run it before a release, and again
while the version is not yet released and what is in facts changes.
"""

from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import orjson

from consumer.graph.sqlite_store import SqliteStore
from consumer.render import export_json
from tests.support.events.event_builders import (
    Json,
    columns,
    dataset,
    dataset_event,
    job_event,
    made_of,
    many_names,
    run_event,
)
from tests.support.processes.command_line import headwater

ROOT = Path(__file__).parents[3]
GRAPHS = ROOT / "tests" / "data" / "graphs"
LONG = "a description that is longer than a value that is kept in place, " * 8


def events() -> list[Json]:
    """Events of each kind: runs that completed, failed and are under way, a declared job, datasets, symlinks."""
    facets = {"documentation": {"description": LONG}, "schema": columns("x", "y")}
    made = dataset("made", **facets, columnLineage=made_of(x="read.x"))
    parent = {"parent": {"run": {"runId": "p"}, "job": {"namespace": "dbt", "name": "build"}}}
    return [
        *many_names(1),
        run_event("START", 1, run="p", job="build"),
        run_event("START", 2, run="one", inputs=["read"], run_facets=parent),
        run_event("COMPLETE", 3, run="one", inputs=["read"], outputs=[made], run_facets=parent),
        run_event("START", 4, run="two", inputs=["other"]),
        run_event("FAIL", 5, run="two"),
        run_event("START", 6, run="three", inputs=["next"]),
        job_event(7, inputs=["stated"], outputs=["made"]),
        dataset_event(8, dataset("read", schema=columns("x"))),
    ]


def write(folder: Path) -> None:
    """Writes the three files of this version into a folder."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    lines, file = folder / f"{version}.jsonl", folder / f"{version}.sqlite"
    lines.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events()))
    file.unlink(missing_ok=True)
    done = headwater("ingest", lines, "--graph", f"sqlite:///{file}")
    if done.exit_code:
        raise SystemExit(done.stderr)
    with closing(SqliteStore(file)) as store:
        (folder / f"{version}.json").write_bytes(export_json.to_json(export_json.document(store)))
    with closing(sqlite3.connect(file)) as database:
        # One file to keep, without a log beside it.
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("VACUUM")


if __name__ == "__main__":
    GRAPHS.mkdir(exist_ok=True)
    write(GRAPHS)
