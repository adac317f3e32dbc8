"""Answers of the query layer as plain documents: the one JSON form of CLI, HTTP API and assistant's tools.

Names are objects of `namespace` and `name`, times RFC 3339 in UTC, what is unknown null. Keys do not depend on values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.lineage.facts.keys import JobName, RunKey
from consumer.query.catalog.datasets import Summary, Tag, TestResult
from consumer.query.catalog.describe import Column, Description, Producer
from consumer.query.catalog.exposures import Exposure
from consumer.query.catalog.search import Match, Results
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.runs import Run
from consumer.query.traversal.answer import Link
from consumer.query.traversal.impact import Affected, Impact
from consumer.query.traversal.neighbourhood import Card, Neighbourhood
from consumer.query.traversal.paths import Paths
from consumer.query.traversal.root_cause import Diagnosis, Finding
from schemas.naming import DatasetName, last_part

Document = dict[str, Any]


def name(value: DatasetName | JobName) -> Document:
    """Returns a name of a dataset or job."""
    return {"namespace": value.namespace, "name": value.name}


def target(value: LineageNode) -> Document:
    """Returns a dataset or column."""
    document = {**name(value.dataset), "node_name": last_part(value.dataset)}
    return document if value.column is None else {**document, "column": value.column}


def tag(value: Tag) -> Document:
    """Returns a tag."""
    return value._asdict()


def test_result(value: TestResult) -> Document:
    """Returns the last result of a test."""
    return {**value._asdict(), "severity": value.severity or None}


def exposure(value: Exposure) -> Document:
    """Returns a declared use of a dataset."""
    return {
        "name": value.name,
        "type": value.type or None,
        "url": value.url or None,
        "owner": value.owner or None,
    }


def summary(value: Summary) -> Document:
    """Returns a dataset in a list."""
    return {
        **name(value.dataset),
        "node_name": value.node_name,
        "engine": value.engine,
        "description": value.description or None,
        "owners": list(value.owners),
        "tags": [tag(one) for one in value.tags],
        "materialized": value.materialized or None,
        "lifecycle": value.lifecycle or None,
        "tests": [test_result(one) for one in value.tests],
    }


def state(value: Run | None) -> Document | None:
    """Returns the state of a run in a list."""
    return None if value is None else _state(value)


def _state(value: Run) -> Document:
    return {
        "state": value.state or None,
        "started_at": value.started_at or None,
        "ended_at": value.ended_at or None,
        "skipped": value.skipped or None,
    }


def run_key(value: RunKey | None) -> Document | None:
    """Returns a run's job and id."""
    return None if value is None else {"job": name(value.job), "id": value.id}


def run(value: Run) -> Document:
    """Returns a run with its datasets."""
    return {
        "id": value.key.id,
        "job": name(value.key.job),
        **_state(value),
        "duration_s": value.duration_s,
        "error": value.error or None,
        "parent": run_key(value.parent),
        "inputs": [name(one) for one in value.inputs],
        "outputs": [name(one) for one in value.outputs],
    }


def runs(values: Sequence[Run], total: int, fed: Mapping[DatasetName, Run]) -> Document:
    """Returns the latest runs, the number of all, and what fed the newest."""
    feeding = [{"dataset": name(dataset), "run": run_key(one.key), **_state(one)} for dataset, one in fed.items()]
    return {"total": total, "runs": [run(one) for one in values], "fed_by": feeding}


def column(value: Column) -> Document:
    """Returns a column of a dataset."""
    return {
        "name": value.name,
        "type": value.type or None,
        "description": value.description or None,
        "tags": [tag(one) for one in value.tags],
    }


def producer(value: Producer) -> Document:
    """Returns a job that writes a dataset."""
    return {
        **name(value.job),
        "type": value.type or None,
        "integration": value.integration or None,
        "description": value.description or None,
        "source_path": value.source_path or None,
        "sql": value.sql or None,
        "last_run": run(value.last_run) if value.last_run else None,
    }


def description(value: Description) -> Document:
    """Everything about a dataset or exposure."""
    return {
        **({} if value.kind == DATASET else {"kind": value.kind}),
        **summary(value.summary),
        "aliases": [name(one) for one in value.aliases],
        "apart": [name(one) for one in value.apart],
        "columns": [column(one) for one in value.columns],
        "producers": [producer(one) for one in value.producers],
        "readers": [name(one) for one in value.readers],
        "upstream": value.upstream,
        "downstream": value.downstream,
        "exposures": [exposure(one) for one in value.exposures],
        "statistics": value.statistics,
        "version": value.version or None,
        "source_uri": value.source_uri or None,
    }


def match(value: Match, last_run: Run | None = None) -> Document:
    """Returns a dataset that a search found."""
    return {
        **summary(value.summary),
        "matched": value.matched,
        "matched_columns": list(value.columns),
        "last_run": state(last_run),
    }


def results(value: Results, runs: Mapping[DatasetName, Run] | None = None) -> Document:
    """Returns the results of a search, with the latest runs of the jobs that write them."""
    known = runs or {}
    return {"total": value.total, "results": [match(one, known.get(one.summary.dataset)) for one in value.matches]}


def card(value: Card) -> Document:
    """Returns a dataset or exposure of a neighbourhood."""
    tests = value.summary.tests
    return {
        **name(value.summary.dataset),
        "node_name": value.summary.node_name,
        "kind": value.node.target.kind,
        "upstream": value.node.upstream,
        "downstream": value.node.downstream,
        "engine": value.summary.engine,
        "materialized": value.summary.materialized or None,
        "lifecycle": value.summary.lifecycle or None,
        "owners": list(value.summary.owners),
        "tags": sorted({one.text for one in value.summary.tags}),
        "tests": {"passed": len(tests) - len(value.summary.failed_tests), "failed": len(value.summary.failed_tests)},
        "columns": value.columns,
        "sources": value.sources,
        "uses": value.uses,
        "exposure": _exposure_of(value),
        "last_run": state(value.last_run),
    }


def _exposure_of(value: Card) -> Document | None:
    if value.exposure is None:
        return None
    return {key: text or None for key, text in value.exposure._asdict().items() if key != "name"}


def neighbourhood(value: Neighbourhood) -> Document:
    """Returns the datasets around one; `links` name them by their place in `nodes`: source, target, tool."""
    places = {one.node.target: place for place, one in enumerate(value.cards)}
    links = {(places[one.source], places[one.target], one.tool) for one in value.links}
    return {
        "root": target(value.root),
        "nodes": [card(one) for one in value.cards],
        "links": [list(one) for one in sorted(links)],
        "levels": {"upstream": list(value.upstream), "downstream": list(value.downstream)},
        "total": value.total,
    }


def affected(value: Affected) -> Document:
    """Returns an affected dataset."""
    return {
        **summary(value.summary),
        "depth": value.depth,
        "certainty": value.certainty.value,
        "columns": list(value.columns),
        "exposures": [exposure(one) for one in value.exposures],
    }


def impact(value: Impact) -> Document:
    """Returns the answer to "what breaks?"."""
    return {
        "root": target(value.root),
        "change": value.change.value,
        "total": len(value.affected),
        "by_depth": {str(depth): count for depth, count in sorted(value.by_depth.items())},
        "owners": value.owners,
        "affected": [affected(one) for one in value.affected],
        "unknown_at": [name(one) for one in value.unknown_at],
        "changed": affected(value.changed),
    }


def link(value: Link) -> Document:
    """Returns a step of data from one dataset or column to another."""
    return {
        "source": target(value.source),
        "target": target(value.target),
        "job": name(value.job) if value.job else None,
        "tool": value.tool or None,
        "transformations": value.transformations.split(",") if value.transformations else [],
    }


def paths(value: Paths) -> Document:
    """Returns the shortest paths between two nodes."""
    return {
        "source": target(value.source),
        "target": target(value.target),
        "paths": [list(map(link, path)) for path in value.paths],
        "truncated": value.truncated,
        "unknown": value.unknown,
    }


def finding(value: Finding) -> Document:
    """Returns a possible cause."""
    return {
        "dataset": {**name(value.summary.dataset), "node_name": value.summary.node_name},
        "depth": value.depth,
        "cause": value.cause.value,
        "detail": value.detail,
        "since": value.since or None,
        "owners": list(value.summary.owners),
        "run": run_key(value.run.key) if value.run else None,
    }


def diagnosis(value: Diagnosis) -> Document:
    """Returns the possible causes of a stale or wrong dataset."""
    return {
        "root": name(value.root),
        "checked": value.checked,
        "findings": [finding(one) for one in value.findings],
        "without_runs": [name(one) for one in value.without_runs],
    }
