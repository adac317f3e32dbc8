"""Checks a recorded run of dbt v2, for `scripts/record-dbt-v2`.

Usage: `python -m tests.support.dbt.recorded_sample FOLDER EXIT_CODE`. It compares names and fields with what is read of
them, makes events of the telemetry and of the artifacts, folds both, and reports what is as it is known, and what not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emitter.dbt.backfill import (
    Artifacts,
    Event,
    Manifest,
    Place,
    RunResults,
    default_place,
    events,
)
from emitter.refine import Refiner
from emitter.runner.dbt_v2.telemetry_messages import is_needed, name_of
from emitter.runner.dbt_v2.v2_invocations import Invocations
from tests.support.graph.graph_of_events import embedded

FIELDS = {
    "Invocation SpanStart": {"eval_args", "invocation_id", "process_info"},
    "Invocation SpanEnd": {"metrics"},
    "NodeEvaluated SpanStart": {"unique_id", "phase"},
    "NodeProcessed SpanEnd": {"unique_id", "node_outcome", "node_type", "database", "schema", "identifier"},
    "CompiledCode LogRecord": {"unique_id", "sql"},
    "ArtifactWritten SpanEnd": {"artifact_type", "relative_path"},
}
"""What emitter/runner/dbt_v2/telemetry_messages.py can't do without."""
PARTS = ("datasets", "dataset_edges", "column_edges")


def missing_fields(records: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Names of records and fields that are needed and that no record has."""
    found: dict[str, set[str]] = {}
    for record in records:
        key = f"{name_of(record)} {record['record_type']}"
        found.setdefault(key, set()).update(record.get("attributes") or {})
    return {key: fields - found.get(key, set()) for key, fields in FIELDS.items() if fields - found.get(key, set())}


def check(folder: Path, code: int) -> Iterator[str]:
    """The lines of the report."""
    lines = (folder / "logs" / "otel.jsonl").read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    yield f"exit code {code}; {len(records)} records of telemetry, {sum(map(is_needed, lines))} of them read"
    yield f"missing in telemetry: {missing_fields(records) or 'nothing'}"
    documents = {path.stem: json.loads(path.read_text()) for path in (folder / "target").glob("*.json")}
    yield f"artifacts: {', '.join(sorted(documents)) or 'none'}"
    if "manifest" not in documents or "run_results" not in documents:
        return
    manifest, results = Manifest(documents["manifest"]), RunResults(documents["run_results"])
    place = default_place(manifest.adapter, manifest.project)
    yield f"dbt {results.dbt_version} on {manifest.adapter}; unknown statuses: {dict(results.unknown) or 'none'}"
    found = {"artifacts": _left(manifest, results, place), "telemetry": _live(folder, records, place)}
    graphs = {name: json.loads(embedded([made])) for name, made in found.items()}
    for name, graph in graphs.items():
        yield f"{name}: {len(found[name])} events, " + ", ".join(f"{len(graph[part])} {part}" for part in PARTS)
    same = all(graphs["artifacts"][part] == graphs["telemetry"][part] for part in PARTS)
    yield "telemetry and artifacts are " + ("one graph" if same else "DIFFERENT graphs: please report this")


def _left(manifest: Manifest, results: RunResults, place: Place) -> list[Event]:
    refine = Refiner(manifest.document).refine
    return list(events(Artifacts(manifest, results), place, refine=refine))


def _live(folder: Path, records: list[dict[str, Any]], place: Place) -> list[Event]:
    """The events of the telemetry, with the datasets in the same place as those of the artifacts."""
    arguments = ["--target-path", str(folder / "target")]
    reported = {"name": "Handover", "program": "dbt", "arguments": arguments, "is_v2": True, "began": 0}
    invocations = Invocations(reported, {"HOME": "/nonexistent", "DBT_PROFILES_DIR": "/nonexistent"}, Path.cwd())
    made = [event for record in records for event in invocations.take(record)]
    made += invocations.end()
    text = json.dumps(made)
    namespaces = {each["namespace"] for event in made for each in (*event.get("inputs", ()), *event.get("outputs", ()))}
    for namespace in namespaces:
        text = text.replace(json.dumps(namespace), json.dumps(place.namespace))
    return list(json.loads(text))


def main(folder: str, code: str) -> int:
    """Prints the report and writes it beside the sample."""
    report = list(check(Path(folder), int(code)))
    (Path(folder) / "report.txt").write_text("\n".join(report) + "\n")
    sys.stdout.write("\n".join(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
