"""Checks a recorded run of dbt v2, for `scripts/record-dbt-v2`.

Usage: `python -m tests.support.dbt.recorded_sample FOLDER EXIT_CODE DBT_ARGUMENTS...`. It compares names and fields
with what is read of them, makes events of the telemetry and of the artifacts, folds both, and reports what is as it is
known, and what is not. It ends with 1 if anything is not.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emitter.dbt.backfill import (
    Artifacts,
    DatasetLocation,
    Event,
    Manifest,
    RunResults,
    default_location,
    events,
)
from emitter.errors import ArtifactError
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
NO_PROFILES = "/nonexistent"
"""A folder without profiles.yml, since a sample must hold nothing of the connection."""
PARTS = ("datasets", "dataset_edges", "column_edges")


def missing_fields(records: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Names of records and fields that are needed and that no record has."""
    found: dict[str, set[str]] = {}
    for record in records:
        key = f"{name_of(record)} {record['record_type']}"
        found.setdefault(key, set()).update(record.get("attributes") or {})
    return {key: fields - found.get(key, set()) for key, fields in FIELDS.items() if fields - found.get(key, set())}


class Sample:
    """A recorded run.

    Args:
        folder: The folder with `logs` and `target`.
        code: The exit code of dbt.
        arguments: The arguments of dbt.
    """

    def __init__(self, folder: Path, code: int, arguments: list[str]) -> None:
        self._folder, self._code, self._arguments = folder, code, arguments
        self.is_as_known = True

    def check(self) -> Iterator[str]:
        """Yields the lines of the report."""
        path = self._folder / "logs" / "otel.jsonl"
        lines = path.read_bytes().splitlines() if path.is_file() else []
        if not lines:
            yield self._surprise(f"exit code {self._code}; dbt wrote no telemetry: is this dbt v2? See version.txt")
            return
        records = [json.loads(line) for line in lines]
        yield f"exit code {self._code}; {len(records)} records of telemetry, {sum(map(is_needed, lines))} of them read"
        missing = missing_fields(records)
        yield self._surprise(f"missing in telemetry: {missing}") if missing else "missing in telemetry: nothing"
        documents = {each.stem: json.loads(each.read_text()) for each in (self._folder / "target").glob("*.json")}
        yield f"artifacts: {', '.join(sorted(documents)) or 'none'}"
        yield "profiles.yml: not read; the namespace of datasets is the name of the project"
        if "manifest" in documents and "run_results" in documents:
            yield from self._compare(records, Manifest(documents["manifest"]), RunResults(documents["run_results"]))
        else:
            yield self._surprise("no manifest.json and run_results.json to compare telemetry with")

    def _compare(self, records: list[dict[str, Any]], manifest: Manifest, results: RunResults) -> Iterator[str]:
        place = default_location(manifest.adapter, manifest.project)
        dbt = f"dbt {results.dbt_version} on {manifest.adapter}"
        unknown = dict(results.unknown)
        yield self._surprise(f"{dbt}; unknown statuses: {unknown}") if unknown else f"{dbt}; unknown statuses: none"
        try:
            live = _live(self._folder, records, place, self._arguments)
        except ArtifactError as error:
            yield self._surprise(f"telemetry can't be turned into events: {error}")
            return
        found = {"artifacts": _left(manifest, results, place), "telemetry": live}
        graphs = {name: json.loads(embedded([made])) for name, made in found.items()}
        for name, graph in graphs.items():
            yield f"{name}: {len(found[name])} events, " + ", ".join(f"{len(graph[part])} {part}" for part in PARTS)
        if all(graphs["artifacts"][part] == graphs["telemetry"][part] for part in PARTS):
            yield "telemetry and artifacts are one graph"
        else:
            yield self._surprise("telemetry and artifacts are DIFFERENT graphs")

    def _surprise(self, line: str) -> str:
        self.is_as_known = False
        return f"{line} (please report this)"


def _left(manifest: Manifest, results: RunResults, place: DatasetLocation) -> list[Event]:
    refine = Refiner(manifest.document).refine
    return list(events(Artifacts(manifest, results), place, refine=refine))


def _live(folder: Path, records: list[dict[str, Any]], place: DatasetLocation, arguments: list[str]) -> list[Event]:
    """The events of the telemetry, with the datasets in the same place as those of the artifacts.

    Raises:
        ArtifactError: The project can't be read.
    """
    arguments = [*arguments, "--target-path", str(folder / "target")]
    reported = {"name": "Handover", "program": "dbt", "arguments": arguments, "is_v2": True, "began": 0}
    environ = {**os.environ, "HOME": NO_PROFILES, "DBT_PROFILES_DIR": NO_PROFILES}
    logging.getLogger("emitter.runner").addFilter(_is_unexpected)
    invocations = Invocations(reported, environ, Path.cwd())
    made = [event for record in records for event in invocations.take(record)]
    made += invocations.end()
    text = json.dumps(made)
    namespaces = {each["namespace"] for event in made for each in (*event.get("inputs", ()), *event.get("outputs", ()))}
    for namespace in namespaces:
        text = text.replace(json.dumps(namespace), json.dumps(place.namespace))
    return list(json.loads(text))


def _is_unexpected(record: logging.LogRecord) -> bool:
    """False for the warning about the missing profiles.yml."""
    return NO_PROFILES not in record.getMessage()


def main(folder: str, code: str, *arguments: str) -> int:
    """Prints the report and writes it beside the sample; returns 1 if anything is not as it is known."""
    sample = Sample(Path(folder), int(code), list(arguments))
    report = list(sample.check())
    (Path(folder) / "report.txt").write_text("\n".join(report) + "\n")
    sys.stdout.write("\n".join(report) + "\n")
    return 0 if sample.is_as_known else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
