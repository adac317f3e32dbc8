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
    REDSHIFT,
    Json,
    columns,
    dataset,
    dataset_event,
    job_event,
    made_of,
    many_names,
    name,
    run_event,
)
from tests.support.processes.command_line import headwater

ROOT = Path(__file__).parents[3]
GRAPHS = ROOT / "tests" / "data" / "graphs"
LONG = "a description that is longer than a value that is kept in place, " * 8


def events() -> list[Json]:
    """Events of each kind; the last but one declares a job."""
    return [*many_names(1), *_runs(), *_siblings(), *_stream(), *_wide(), *_lifecycle(), *_exposed(), *_jobs()]


def _runs() -> list[Json]:
    """Runs with a parent: one that completed twice with column lineage, one that failed, one that is under way."""
    facets = {"documentation": {"description": LONG}, "schema": columns("x", "y")}
    made = dataset("made", **facets, columnLineage=made_of(x="read.x", y="read.y"))
    told = {"jobType": {"jobType": "MODEL", "integration": "DBT", "processingType": "BATCH"}, "sql": {"query": LONG}}
    error = {"errorMessage": {"message": "no such table", "programmingLanguage": "sql"}}
    return [
        run_event("START", 1, run="p", job="build"),
        run_event("START", 2, run="one", job="model", inputs=["read"], run_facets=_parent("p"), job_facets=told),
        run_event(
            "COMPLETE",
            3,
            run="one",
            job="model",
            inputs=["read"],
            outputs=[made],
            run_facets=_parent("p"),
            job_facets=told,
        ),
        run_event("START", 4, run="two", inputs=["other"]),
        run_event("FAIL", 5, run="two", run_facets=error),
        run_event("COMPLETE", 6, run="again", job="model", inputs=["read"], outputs=[made], run_facets=_parent("q")),
        run_event("COMPLETE", 7, run="q", job="build"),
    ]


def _siblings() -> list[Json]:
    """Two runs of one parent with other datasets each, and one that has not ended."""
    parts = [dataset(f"part_{number}", schema=columns("x")) for number in range(2)]
    return [
        *(
            run_event("COMPLETE", 10 + n, run=f"s{n}", job="mapped", outputs=[part], run_facets=_parent("p"))
            for n, part in enumerate(parts)
        ),
        run_event("START", 14, run="s2", job="mapped", inputs=["read"], run_facets=_parent("p")),
    ]


def _stream() -> list[Json]:
    """A stream of two snapshots."""
    streaming = {"jobType": {"jobType": "JOB", "integration": "FLINK", "processingType": "STREAMING"}}
    return [
        run_event(
            "RUNNING", 20 + n, run="f", job="flink", inputs=[f"topic_{n}"], outputs=["sink"], job_facets=streaming
        )
        for n in range(2)
    ]


def _wide() -> list[Json]:
    """A job with many outputs, some of which two runs wrote."""
    outputs = [dataset(f"day_{number:02}", schema=columns("x")) for number in range(12)]
    counts = {"outputStatistics": {"rowCount": 5, "size": 100}}
    return [
        run_event("COMPLETE", 25, run="w1", job="wide", inputs=["read"], outputs=outputs),
        run_event(
            "COMPLETE", 26, run="w2", job="wide", outputs=[{**one, "outputFacets": counts} for one in outputs[8:]]
        ),
    ]


def _lifecycle() -> list[Json]:
    """A table that was dropped, and one that was renamed."""
    was = {"namespace": REDSHIFT, "name": name("old").name}
    renamed = {"lifecycleStateChange": "RENAME", "previousIdentifier": was}
    return [
        run_event("COMPLETE", 30, run="l1", job="ddl", inputs=["made"], outputs=["gone", "old"]),
        dataset_event(31, dataset("gone", lifecycleStateChange={"lifecycleStateChange": "DROP"})),
        dataset_event(32, dataset("new", lifecycleStateChange=renamed)),
    ]


def _exposed() -> list[Json]:
    """A model that an exposure uses, built twice, and one that it uses no more."""
    board = {"unique_id": "exposure.p.board", "name": "board", "type": "dashboard", "url": "https://b.example"}
    source = {"dataSource": {"uri": REDSHIFT}}
    used = dataset("used", **source, dbt_exposures={"exposures": [board]})
    once = dataset("once", **source, dbt_exposures={"exposures": [board]})
    told = {"jobType": {"jobType": "MODEL", "integration": "DBT"}}
    of_run = {"dbt_run": {"invocation_id": "i", "project_name": "p"}}
    outputs = (("used", 35, used), ("once", 36, once), ("once", 37, dataset("once", **source)), ("used", 38, used))
    return [
        run_event(
            "COMPLETE",
            second,
            run=f"e{second}",
            job=called,
            inputs=["read"],
            outputs=[output],
            job_facets={**told, "dbt_node": {"unique_id": f"model.p.{called}"}},
            run_facets=of_run,
        )
        for called, second, output in outputs
    ]


def _jobs() -> list[Json]:
    """A declared job beside its runs, a dataset by itself."""
    return [
        dataset_event(40, dataset("read", schema=columns("x", "y", "z"))),
        run_event("START", 41, run="three", inputs=["next"]),
        job_event(42, inputs=["stated"], outputs=["made"]),
        dataset_event(43, dataset("read", ownership={"owners": [{"name": "team", "type": "OWNER"}]})),
    ]


def _parent(run: str) -> Json:
    return {"parent": {"run": {"runId": run}, "job": {"namespace": "dbt", "name": "build"}}}


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
