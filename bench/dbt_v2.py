"""`python -m bench.dbt_v2`: what lineage costs a run of dbt v2, on an invented project.

A program that behaves like dbt v2 writes the telemetry of its nodes at an even pace, then its manifest. It runs three
times below `headwater-dbt`: the first time, again with nothing changed, and with some models changed. Counted are the
CPU of all processes less that of the program alone, the largest resident memory of any process, and the time from the
program's end to that of `headwater-dbt`.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench import refine, report

HEADS = ("run", "models changed", "events", "CPU, s", "CPU for a node, ms", "memory, MB", "after dbt's end, s")
RUNS = (("first", "before"), ("nothing changed", "before"), ("some models changed", "after"))
LAYERS = 5
_TRACE = "019ac9f27d317c529a4e5b0c2f6d8e11"
_INVOCATION = "019ac9f2-7d31-7c52-9a4e-5b0c2f6d8e11"
_EVENT = "v1.public.events.fusion"
_BEGAN = 1_795_162_504_118_204_204
_UNREAD_LINES = 6
"""Lines for each node that are skipped; a real run has about fifteen in all, counted over 48 nodes."""
_PARTS = 50
_DBT = """#!/bin/sh
for part in {run}/part-*; do
  if [ -n "$DBT_OTEL_FILE_NAME" ]; then cat "$part" >> "$DBT_OTEL_FILE_NAME"; fi
  sleep {pause}
done
mkdir -p target
cp {run}/manifest.json target/manifest.json
if [ -n "$DBT_OTEL_FILE_NAME" ]; then cat {run}/end >> "$DBT_OTEL_FILE_NAME"; fi
date +%s.%N > ended
"""


class Used(NamedTuple):
    """Costs of one run: seconds of CPU, MB of memory, and seconds after the program's end."""

    cpu_s: float
    memory_mb: float
    after_s: float


def project(models: int, changed: int) -> dict[str, Any]:
    """Returns the manifest of a project in five layers, with the SQL of some models changed, evenly spread."""
    nodes: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    layer = max(models // LAYERS, 1)
    for number in range(models):
        above = _above(number, layer)
        for each in above if number < layer else ():
            sources[each] = _source(each)
        unique_id = f"model.bench.m{number}"
        names = [(nodes.get(each) or sources[each])["relation_name"] for each in above]
        sql = refine.sql(number, names)
        if changed and number % (models // changed) == 0:
            sql = sql.rstrip() + "\n-- changed\n"
        nodes[unique_id] = _model(unique_id, above, sql)
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        "dbt_version": "2.0.9",
        "adapter_type": "redshift",
        "project_name": "bench",
        "invocation_id": _INVOCATION,
        "generated_at": "2026-11-20T08:15:08.581654733Z",
    }
    parents = {unique_id: node["depends_on"]["nodes"] for unique_id, node in nodes.items()}
    macros = {f"macro.dbt.m{number}": {"macro_sql": "{% macro m() %}" + "x" * 3000} for number in range(1000)}
    return {"metadata": metadata, "nodes": nodes, "sources": sources, "macros": macros, "parent_map": parents}


def _above(number: int, layer: int) -> list[str]:
    if number < layer:
        return [f"source.bench.raw.s{number}"]
    first = number // layer * layer - layer
    return [f"model.bench.m{first + (number + step) % layer}" for step in (0, 7, 13)]


def _source(unique_id: str) -> dict[str, Any]:
    name = unique_id.rpartition(".")[2]
    columns = {column: {"name": column, "description": f"{column} of {name}."} for column in refine.COLUMNS}
    return _table(unique_id, name, "raw") | {"source_name": "raw", "identifier": name, "columns": columns}


def _model(unique_id: str, above: list[str], sql: str) -> dict[str, Any]:
    name = unique_id.rpartition(".")[2]
    columns = {column: {"name": column, "description": f"{column} of {name}."} for column in refine.COLUMNS[:5]}
    return _table(unique_id, name, "marts") | {
        "alias": name,
        "description": f"Rows of {name}.",
        "columns": columns,
        "config": {"materialized": "table", "access": "protected", "tags": ["mart"]},
        "tags": ["mart"],
        "depends_on": {"macros": [], "nodes": above},
        "raw_code": sql,
        "compiled_code": sql,
        "compiled": True,
        "language": "sql",
        "checksum": {"name": "sha256", "checksum": hashlib.sha256(sql.encode()).hexdigest()},
    }


def _table(unique_id: str, name: str, schema: str) -> dict[str, Any]:
    kind = unique_id.partition(".")[0]
    return {
        "unique_id": unique_id,
        "resource_type": kind,
        "name": name,
        "package_name": "bench",
        "database": "dev",
        "schema": schema,
        "relation_name": f'"dev"."{schema}"."{name}"',
        "path": f"{name}.sql",
        "original_file_path": f"models/{name}.sql",
        "fqn": ["bench", name],
    }


def _record(kind: str, event: str, begun: int, attributes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    head = {"record_type": kind, "trace_id": _TRACE, "span_id": "1a2b000000020002", "links": None}
    times = {"start_time_unix_nano": str(begun), "severity_number": 9, "severity_text": "INFO"}
    return {**head, **times, **more, "event_type": f"{_EVENT}.{event}", "attributes": dict(attributes)}


def telemetry(document: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yields the records of dbt's start, then those of each node."""
    process = {"package": "dbt", "version": "2.0.9"}
    attributes = {"eval_args": {"command": "build"}, "invocation_id": _INVOCATION, "process_info": process}
    yield [_record("SpanStart", "invocation.Invocation", _BEGAN, attributes)]
    for number, node in enumerate(document["nodes"].values()):
        yield list(_of_node(node, _BEGAN + number * 1_000_000))


def _of_node(node: Mapping[str, Any], begun: int) -> Iterator[dict[str, Any]]:
    ended = {"end_time_unix_nano": str(begun + 900_000), "status": {"message": None, "code": 1}}
    about = {key: node[key] for key in ("unique_id", "database", "schema", "name")}
    about |= {"identifier": node["name"], "node_checksum": node["checksum"]["checksum"]}
    about |= {"materialization": "NODE_MATERIALIZATION_TABLE", "node_type": "NODE_TYPE_MODEL"}
    about |= {"relative_path": node["original_file_path"], "in_selection": True}
    code = {"unique_id": node["unique_id"], "sql": node["compiled_code"], "node_name": node["name"]}
    query = {"adapter_type": "redshift", "unique_id": node["unique_id"], "query_description": "execute adapter call"}
    query |= {"sql": f"create table {node['relation_name']} as (\n{node['compiled_code']}\n)"}
    run = {**about, "phase": "EXECUTION_PHASE_RUN"}
    done = {"node_outcome": "NODE_OUTCOME_SUCCESS", "duration_ms": "328", "rows_affected": "12"}
    yield _record("SpanStart", "node.NodeProcessed", begun, about)
    yield _record("LogRecord", "log.CompiledCode", begun, code, time_unix_nano=str(begun), body="")
    yield _record("SpanStart", "node.NodeEvaluated", begun, run)
    yield _record("SpanStart", "query.QueryExecuted", begun, query)
    yield _record("SpanEnd", "query.QueryExecuted", begun, query | {"query_outcome": "QUERY_OUTCOME_SUCCESS"}, **ended)
    for _ in range(_UNREAD_LINES):
        yield _record("SpanStart", "phase.PhaseExecuted", begun, {"phase": "EXECUTION_PHASE_RENDER"})
    yield _record("SpanEnd", "node.NodeProcessed", begun, about | done, **ended)
    yield _record("SpanEnd", "node.NodeEvaluated", begun, run | done, **ended)


def write(folder: Path, models: int, changed: int) -> None:
    """Writes the manifest of a run, and its telemetry in parts."""
    document = project(models, changed)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(document, separators=(",", ":")))
    per_part = max(models // _PARTS, 1)
    for number, records in enumerate(telemetry(document)):
        with (folder / f"part-{number // per_part:04}").open("a") as file:
            file.writelines(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
    artifact = {"artifact_type": "ARTIFACT_TYPE_MANIFEST", "relative_path": "target/manifest.json"}
    end = {"end_time_unix_nano": str(_BEGAN + (models + 1) * 1_000_000), "status": None}
    last = {"invocation_id": _INVOCATION, "metrics": {"total_errors": "0"}, "eval_args": {"command": "build"}}
    records = [
        _record("SpanEnd", "artifact.ArtifactWritten", _BEGAN, artifact, **end),
        _record("SpanEnd", "invocation.Invocation", _BEGAN, last, **end),
    ]
    (folder / "end").write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))


def run(folder: Path, name: str, program: Path, options: argparse.Namespace) -> tuple[Used, int]:
    """Runs dbt below `headwater-dbt`; returns what lineage took and the number of sent events."""
    dbt = folder / "dbt"
    dbt.write_text(_DBT.format(run=name, pause=round(options.seconds / _PARTS, 3)))
    dbt.chmod(0o755)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OPENLINEAGE", "DBT_", "HEADWATER"))
    }
    # Python's bytecode is on disk, as it is where pip has installed packages.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    transport = {
        "type": "emitter.transport.KafkaTransport",
        "bootstrap_servers": options.bootstrap or f"file://{folder / 'log'}",
        "topic": options.topic,
        "spool_dir": str(folder / "spool"),
        "close_timeout": options.close_timeout,
    }
    environment = {**kept, "OPENLINEAGE__TRANSPORT": json.dumps(transport), "HEADWATER_DBT": str(dbt)}
    both, output = _measure([str(program), "build"], folder, environment)
    # Only now, as dbt leaves a manifest.
    alone, _ = _measure([str(dbt), "build"], folder, environment)
    print(f"{name}: {both.cpu_s:.1f} s of CPU, {both.after_s:.1f} s after dbt's end\n{output.strip()}", file=sys.stderr)
    sent = re.search(r"events: (\d+) sent", output)
    return both._replace(cpu_s=both.cpu_s - alone.cpu_s), int(sent[1]) if sent else 0


def _measure(command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[Used, str]:
    """Runs a command to its end.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    ended, process.returncode = time.time(), os.waitstatus_to_exitcode(status)
    text = (folder / "output").read_text()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, text)
    after = ended - float((folder / "ended").read_text())
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, after), text


def make(folder: Path, options: argparse.Namespace) -> None:
    """Makes the project, and its runs by processes of their own.

    What this process has in memory would be counted as that of the programs that it starts.
    """
    folder.mkdir(exist_ok=True)
    (folder / "dbt_project.yml").write_text("name: bench\nversion: '1.0'\nprofile: bench\n")
    outputs = "{prod: {type: redshift, host: wg.us-east-1, port: 5439, user: someone}}"
    (folder / "profiles.yml").write_text(f"bench: {{target: prod, outputs: {outputs}}}\n")
    for name, changed in (("before", 0), ("after", options.changed)):
        command = [sys.executable, "-m", "bench.dbt_v2", "--models", str(options.models)]
        subprocess.run([*command, "--make", str(folder / name), str(changed)], check=True)


def rows(folder: Path, options: argparse.Namespace) -> Iterator[tuple[object, ...]]:
    """Yields the row of each run, of the other build's first."""
    here = Path(sys.executable).with_name("headwater-dbt")
    builds = (
        {"": here} if options.base is None else {" of the base": options.base / ".venv/bin/headwater-dbt", "": here}
    )
    for build, program in builds.items():
        shutil.rmtree(folder / "target", ignore_errors=True)
        for title, name in RUNS:
            used, sent = run(folder, name, program, options)
            changed = options.changed if name == "after" else 0
            node = f"{used.cpu_s / options.models * 1000:.2f}"
            yield (
                title + build,
                changed,
                sent,
                f"{used.cpu_s:.1f}",
                node,
                f"{used.memory_mb:.0f}",
                f"{used.after_s:.1f}",
            )


def main() -> None:
    """Prints a line for each run."""
    parser = report.parser("bench.dbt_v2", (__doc__ or "").partition(": ")[2])
    parser.add_argument("--models", type=int, default=5000, help="models of the project (5000)")
    parser.add_argument("--changed", type=int, default=50, help="models that the last run changes (50)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long dbt runs (30)")
    parser.add_argument("--close-timeout", type=float, default=120.0, help="how long its end may be waited for (120)")
    parser.add_argument("--bootstrap", help="brokers to send to (a file)")
    parser.add_argument("--topic", default="lineage", help="the topic (lineage)")
    parser.add_argument("--base", type=Path, help="a checkout with its .venv, whose headwater-dbt runs first")
    parser.add_argument("--make", nargs=2, metavar=("FOLDER", "CHANGED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        write(Path(options.make[0]), options.models, int(options.make[1]))
        return
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary), options)
        report.tell("bench.dbt_v2", report.table(HEADS, rows(Path(temporary), options)), write=options.write)


if __name__ == "__main__":
    main()
