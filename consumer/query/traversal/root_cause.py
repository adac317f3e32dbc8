"""Root causes of a stale or wrong dataset, nearest first.

A dataset upstream may have failed, be unfinished, late or dropped, have failed tests, or a schema that has changed. A
run that was skipped is no cause but follows from one: it is listed after all causes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName
from consumer.query.catalog import datasets, schema_changes
from consumer.query.catalog.datasets import Summary
from consumer.query.catalog.schema_changes import SchemaChange
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.runs import FAILED, Run, executed, runs_of
from consumer.query.traversal.traverse import lineage
from schemas.naming import DatasetName

FAR = 100
RUNS = 5
"""Executed runs of a job that are looked at."""
MOST_NAMED = 3
"""Failed tests, or changed columns, that a finding names."""


class Cause(StrEnum):
    """A kind of finding about a dataset."""

    FAILED = "failed"
    ABORTED = "aborted"
    RUNNING = "running"
    QUALITY = "quality"
    SCHEMA = "schema"
    STALE = "stale"
    DROPPED = "dropped"
    SKIPPED = "skipped"


class Finding(NamedTuple):
    """A possible cause.

    Attributes:
        summary: The dataset.
        depth: Steps upstream; 0 is the dataset itself.
        cause: What is wrong with it.
        detail: What happened, in a sentence.
        since: When it happened (RFC 3339, UTC); empty where unknown.
        run: The run that failed or is late; None for other causes.
    """

    summary: Summary
    depth: int
    cause: Cause
    detail: str
    since: str
    run: Run | None


class Diagnosis(NamedTuple):
    """Possible causes, nearest first.

    Attributes:
        root: The dataset or exposure that was asked about.
        findings: The causes, by depth, then the latest first; then what was skipped because of them.
        checked: How many datasets were looked at.
        without_runs: Datasets upstream whose producer is unknown: nothing can be said about them.
    """

    root: DatasetName
    findings: tuple[Finding, ...]
    checked: int
    without_runs: tuple[DatasetName, ...]


def diagnose(store: GraphStore, target: LineageNode, depth: int = FAR) -> Diagnosis:
    """Finds what may be wrong with a dataset or exposure, from itself upstream; of a column with its dataset.

    A dataset is stale if the last completed write of one of its direct sources is later than its own. A schema counts
    as changed if columns of a dataset upstream were removed or retyped since the last build but one of what is asked
    about, or since its only build: what was right then may be wrong now.

    Raises:
        TransientError: The store can't serve now.
    """
    answer = lineage(store, target._replace(column=None), depth, 0)
    # An exposure has neither runs nor tests.
    depths = {node.target.dataset: node.depth for node in answer.nodes if node.target.kind == DATASET}
    writers = datasets.producers(store, depths)
    jobs = sorted(set(chain.from_iterable(writers.values())), key=ids.job_name)
    runs = {job: _newest(store, ids.job_name(job)) for job in jobs}
    by_dataset: dict[DatasetName, list[Run]] = {}
    for name, found in writers.items():
        of_all = chain.from_iterable(runs[job] for job in found)
        by_dataset[name] = sorted(of_all, key=lambda run: (run.time, run.key), reverse=True)
    sources: dict[DatasetName, set[DatasetName]] = {}
    for link in answer.upstream:
        sources.setdefault(link.target.dataset, set()).add(link.source.dataset)
    shown = datasets.summaries(store, depths)
    findings: list[Finding] = []
    for name, steps in depths.items():
        findings += _of_dataset(shown[name], steps, by_dataset.get(name, []))
        findings += _stale(shown[name], steps, by_dataset, sources.get(name, set()))
    since = _build_before(by_dataset, depths)
    if since is not None:
        for name, found_change in schema_changes.since(store, (name for name in depths if depths[name]), since).items():
            findings.append(_changed(shown[name], depths[name], found_change))
    findings.sort(key=lambda one: one.since, reverse=True)
    findings.sort(key=lambda one: (one.cause is Cause.SKIPPED, one.depth, one.cause is Cause.STALE))
    without = tuple(sorted(name for name in depths if not by_dataset.get(name)))
    return Diagnosis(target.dataset, tuple(findings), len(depths), without)


def _newest(store: GraphStore, job: JobName) -> list[Run]:
    """Returns the newest executed runs of a job, after its newest run if that was skipped."""
    runs = runs_of(store, [job]).get(job, [])
    newest = max(runs, key=lambda run: (run.time, run.key), default=None)
    skipped = [newest] if newest is not None and newest.skipped else []
    return [*skipped, *executed(runs)[:RUNS]]


def _of_dataset(summary: Summary, depth: int, runs: Sequence[Run]) -> Iterator[Finding]:
    for run in (run for run in runs[:1] if run.skipped):
        yield Finding(summary, depth, Cause.SKIPPED, f"skipped: {run.skipped}", run.time, run)
    last = next((run for run in runs if not run.skipped), None)
    if last is not None and last.state in FAILED:
        cause = Cause.FAILED if last.state == "FAIL" else Cause.ABORTED
        detail = last.error.partition("\n")[0] or f"the last run ended with {last.state}"
        yield Finding(summary, depth, cause, detail, last.time, last)
    elif last is not None and not last.ended_at:
        yield Finding(summary, depth, Cause.RUNNING, "the last run has not ended", last.time, last)
    if summary.lifecycle == "DROP":
        yield Finding(summary, depth, Cause.DROPPED, "the table was dropped", "", None)
    failed = [test.name for test in summary.failed_tests]
    if failed:
        more = f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        yield Finding(summary, depth, Cause.QUALITY, f"failed tests: {', '.join(failed[:MOST_NAMED])}{more}", "", None)


def _stale(
    summary: Summary, depth: int, runs: Mapping[DatasetName, list[Run]], sources: Collection[DatasetName]
) -> Iterator[Finding]:
    own = _completed(runs.get(summary.dataset, ()))
    if own is None:
        return
    written = {name: _completed(runs.get(name, ())) for name in sources}
    newer = {name: run for name, run in written.items() if run is not None and run.ended_at > own.ended_at}
    if newer:
        name = max(newer, key=lambda source: (newer[source].ended_at, source))
        detail = f"not rebuilt since {name.name} was written"
        yield Finding(summary, depth, Cause.STALE, detail, own.ended_at, own)


def _build_before(runs: Mapping[DatasetName, list[Run]], depths: Mapping[DatasetName, int]) -> str | None:
    """Returns when the nearest datasets were last built but once, the earliest of theirs; None if it is unknown."""
    nearest = min(depths.values(), default=0)
    ends: list[str] = []
    for name in (name for name, depth in depths.items() if depth == nearest):
        builds = [run.ended_at for run in runs.get(name, ()) if run.state == "COMPLETE"][:2]
        ends += builds[-1:]
    return min(ends, default=None)


def _changed(summary: Summary, depth: int, change: SchemaChange) -> Finding:
    what = ", ".join(change.what[:MOST_NAMED])
    more = f" and {len(change.what) - MOST_NAMED} more" if len(change.what) > MOST_NAMED else ""
    return Finding(summary, depth, Cause.SCHEMA, f"{what}{more}", change.time, None)


def _completed(runs: Collection[Run]) -> Run | None:
    return next((run for run in runs if run.state == "COMPLETE"), None)
