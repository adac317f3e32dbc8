"""The log of changes, added up: what a graph should show by its records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from consumer.graph import change_log
from consumer.graph.store import GraphStore
from consumer.lineage.changes import ChangeRecord, Kind
from consumer.render import export_json

GONE = frozenset({Kind.DATASET_REMOVED, Kind.DATASET_RENAMED})


def records(store: GraphStore) -> list[ChangeRecord]:
    """All records of a graph, oldest first."""
    return [entry.record for entry in change_log.changes_since(store, "", 100_000)]


def added_up(store: GraphStore) -> Counter[Any]:
    """Returns how often each element was added, less how often it was removed; without columns of removed datasets."""
    log = records(store)
    gone = {change.source or change.dataset for record in log for change in record.changes if change.kind in GONE}
    found: Counter[Any] = Counter()
    for record in log:
        job = tuple(record.job or ())
        for kind, dataset, column, source, source_column, before, after in record.changes:
            what, _, verb = kind.value.partition(".")
            if what == "dataset":
                found["dataset", tuple(source if kind is Kind.DATASET_RENAMED and source else dataset)] += (
                    1 if verb == "added" else -1
                )
            elif what == "column" and dataset not in gone:
                found["column", tuple(dataset), column, before] -= verb != "added"
                found["column", tuple(dataset), column, after] += verb != "removed"
            elif what != "column" and verb != "changed":
                key = (what, tuple(source or ()), source_column, tuple(dataset), column, job)
                found[key] += 1 if verb == "added" else -1
    return Counter({element: count for element, count in found.items() if count})


def shown(store: GraphStore) -> Counter[Any]:
    """The same elements, as the graph shows them."""
    document = export_json.document(store)
    gone = {
        change.source or change.dataset for record in records(store) for change in record.changes if change.kind in GONE
    }
    return Counter([*_datasets(document, {tuple(name) for name in gone}), *_edges(document)])


def _datasets(document: export_json.Document, gone: set[tuple[str, ...]]) -> Iterator[Any]:
    for one in document["datasets"]:
        name = (one["namespace"], one["name"])
        yield ("dataset", name)
        for column in one["columns"] if name not in gone else ():
            yield ("column", name, column["name"], column["type"] or "")


def _edges(document: export_json.Document) -> Iterator[Any]:
    for name, job in document["reads"]:
        yield ("read", (), None, tuple(name), None, tuple(job))
    for job, name in document["writes"]:
        yield ("write", (), None, tuple(name), None, tuple(job))
    for source, target, job in document["dataset_edges"]:
        yield ("edge", tuple(source), None, tuple(target), None, tuple(job))
    for source, target, job in document["column_edges"]:
        yield ("column_edge", tuple(source[:2]), source[2], tuple(target[:2]), target[2], tuple(job))
