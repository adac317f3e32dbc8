"""Differences of two graphs: of two moments, of two stores, or of two exports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from consumer.lineage.changes import Change, ChangeRecord, Kind, column_changes, sort_key
from consumer.lineage.column_lineage import WHOLE
from consumer.lineage.facts.keys import JobName
from consumer.lineage.folding.job_naming import TEST
from schemas.naming import DatasetName

Document = Mapping[str, Any]
"""The object of `export --format json`."""


class Difference(NamedTuple):
    """Elements that one graph has and another one has not.

    Attributes:
        records: What was added and removed, by job or dataset, sorted.
        breaking: The changes that may break somebody: what changed is read, or it is unknown who reads it.
    """

    records: tuple[ChangeRecord, ...]
    breaking: frozenset[tuple[JobName | None, Change]] = frozenset()

    @property
    def total(self) -> int:
        """The number of changes."""
        return sum(len(record.changes) for record in self.records)

    def breaks(self, record: ChangeRecord, change: Change) -> bool:
        """True if a change of a record may break somebody."""
        return (record.job, change) in self.breaking


class _Elements(NamedTuple):
    """Elements of a graph, by what identifies them.

    Attributes:
        columns: Of each dataset the types of its columns.
        made: The elements that each job makes, as changes without a verb.
        runs: The latest completed run of each job, with its end.
        writers: The jobs that write each dataset.
        read: The datasets that a job reads.
        used: The columns that something is made from.
    """

    columns: Mapping[DatasetName, Mapping[str, str]]
    made: Mapping[JobName, frozenset[tuple[str, Change]]]
    runs: Mapping[JobName, tuple[str, str]]
    writers: Mapping[DatasetName, list[JobName]]
    read: frozenset[DatasetName]
    used: Mapping[DatasetName, frozenset[str]]


_ELEMENTS = ("reads", "writes", "dataset_edges", "column_edges")
_ADDED = dict(zip(_ELEMENTS, (Kind.READ_ADDED, Kind.WRITE_ADDED, Kind.EDGE_ADDED, Kind.COLUMN_EDGE_ADDED), strict=True))
_REMOVED = dict(
    zip(_ELEMENTS, (Kind.READ_REMOVED, Kind.WRITE_REMOVED, Kind.EDGE_REMOVED, Kind.COLUMN_EDGE_REMOVED), strict=True)
)


def _element(part: str, entry: list[Any]) -> tuple[JobName, Change]:
    """Returns an entry of an export as its job, and a change of it."""
    match part:
        case "reads":
            dataset, job = entry
            change = Change(_ADDED[part], DatasetName(*dataset))
        case "writes":
            job, dataset = entry
            change = Change(_ADDED[part], DatasetName(*dataset))
        case "dataset_edges":
            source, target, job = entry
            change = Change(_ADDED[part], DatasetName(*target), None, DatasetName(*source))
        case _:
            source, target, job = entry
            change = Change(_ADDED[part], DatasetName(*target[:2]), target[2], DatasetName(*source[:2]), source[2])
    return JobName(*job), change


def _types(columns: Iterable[Mapping[str, str | None]]) -> dict[str, str]:
    return {str(column["name"]): column["type"] or "" for column in columns}


def _elements(document: Document) -> _Elements:
    made: defaultdict[JobName, set[tuple[str, Change]]] = defaultdict(set)
    for part in _ELEMENTS:
        for entry in document[part]:
            job, change = _element(part, entry)
            made[job].add((part, change))
    writers: defaultdict[DatasetName, list[JobName]] = defaultdict(list)
    for job, name in document["writes"]:
        writers[DatasetName(*name)].append(JobName(*job))
    used: defaultdict[DatasetName, set[str]] = defaultdict(set)
    for (namespace, name, column), _, _ in document["column_edges"]:
        used[DatasetName(namespace, name)].add(column)
    # A test that reads a column fails by itself, and one of another column is no reader of this one.
    tests = {JobName(job["namespace"], job["name"]) for job in document["jobs"] if job["type"] == TEST}
    return _Elements(
        {DatasetName(one["namespace"], one["name"]): _types(one["columns"]) for one in document["datasets"]},
        {job: frozenset(of_one) for job, of_one in made.items()},
        _latest(document["runs"]),
        writers,
        frozenset(DatasetName(*name) for name, job in document["reads"] if JobName(*job) not in tests),
        {name: frozenset(columns) for name, columns in used.items()},
    )


def _latest(runs: Iterable[Mapping[str, Any]]) -> dict[JobName, tuple[str, str]]:
    found: dict[JobName, tuple[str, str]] = {}
    for run in runs:
        if run["state"] == "COMPLETE":
            job = JobName(*run["job"])
            found[job] = max(found.get(job, ("", "")), (run["ended_at"] or "", run["id"]))
    return found


def diff(before: Document, after: Document, about: Collection[DatasetName] | None = None) -> Difference:
    """Compares two graphs, each given as the object of its export.

    Args:
        before: The one graph.
        after: The other one.
        about: Datasets whose changes, and those of edges at them, are asked for; all if None.
    """
    was, now = _elements(before), _elements(after)
    records = [*_of_jobs(was, now), *_of_datasets(was, now)]
    if about is not None:
        records = [kept for record in records if (kept := _about(record, about)) is not None]
    records.sort(key=_order)
    breaking = {(record.job, change) for record in records for change in record.changes if _breaks(change, was, now)}
    return Difference(tuple(records), frozenset(breaking))


def _order(record: ChangeRecord) -> tuple[object, ...]:
    return record.dataset is None, record.dataset or (), record.job or ()


def _about(record: ChangeRecord, about: Collection[DatasetName]) -> ChangeRecord | None:
    kept = tuple(change for change in record.changes if change.dataset in about or change.source in about)
    return record._replace(changes=kept) if kept else None


def _of_jobs(was: _Elements, now: _Elements) -> Iterator[ChangeRecord]:
    nothing: frozenset[tuple[str, Change]] = frozenset()
    for job in sorted({*was.made, *now.made}):
        before, after = was.made.get(job, nothing), now.made.get(job, nothing)
        changes = [change._replace(kind=_ADDED[part]) for part, change in after - before]
        changes += [change._replace(kind=_REMOVED[part]) for part, change in before - after]
        if changes:
            yield _record(changes, job, now.runs.get(job) or was.runs.get(job))


def _of_datasets(was: _Elements, now: _Elements) -> Iterator[ChangeRecord]:
    for name in sorted({*was.columns, *now.columns}):
        changes = list(column_changes(name, was.columns.get(name), now.columns.get(name)))
        if changes:
            writers = now.writers.get(name) or was.writers.get(name) or []
            job = writers[0] if len(writers) == 1 else None
            run = (now.runs.get(job) or was.runs.get(job)) if job is not None else None
            yield _record(changes, job, run)._replace(dataset=name)


def _record(changes: Iterable[Change], job: JobName | None, run: tuple[str, str] | None) -> ChangeRecord:
    ended_at, id_ = run or ("", "")
    return ChangeRecord(ended_at, tuple(sorted(changes, key=sort_key)), job, id_)


def _breaks(change: Change, was: _Elements, now: _Elements) -> bool:
    """True if a change takes something away that is read, or that may be: without column edges it is unknown."""
    if not change.is_breaking or change.dataset not in was.read | now.read:
        return False
    if change.column is None:
        return change.kind is not Kind.WRITE_REMOVED or not now.writers.get(change.dataset)
    nothing: frozenset[str] = frozenset()
    used = was.used.get(change.dataset, nothing) | now.used.get(change.dataset, nothing)
    return not used or change.column in used or WHOLE in used
