"""Change records of a graph by comparing exports: what a writer's outbox must have, made without the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from consumer.graph import change_log, ids, schema
from consumer.graph.store import Absent, GraphStore, Is, Vertex
from consumer.graph.store import Change as StoreChange
from consumer.lineage.changes import Change, ChangeRecord, Kind
from consumer.lineage.facts.keys import JobName
from consumer.render import export_json
from schemas.naming import DatasetName

Elements = Mapping[tuple[Any, ...], str]
"""Elements of a graph, each with a value: a column's type, or the transformations of a column edge."""


def elements(store: GraphStore) -> dict[tuple[Any, ...], str]:
    """The elements that changes are about."""
    document = export_json.document(store)
    found: dict[tuple[Any, ...], str] = {}
    for dataset in document["datasets"]:
        name = DatasetName(dataset["namespace"], dataset["name"])
        found["dataset", None, name] = ""
        for column in dataset["columns"]:
            found["column", None, name, column["name"]] = column["type"] or ""
    for source, job in document["reads"]:
        found["read", JobName(*job), DatasetName(*source)] = ""
    for job, target in document["writes"]:
        found["write", JobName(*job), DatasetName(*target)] = ""
    for source, target, job in document["dataset_edges"]:
        found["edge", JobName(*job), DatasetName(*target), None, DatasetName(*source)] = ""
    for edge in store.edges(schema.COLUMN_EDGE):
        source, target = ids.parse(edge.source)[1:], ids.parse(edge.target)[1:]
        job = ids.parse(str(edge.properties["job"]))[1:]
        key = ("column_edge", JobName(*job), DatasetName(*target[:2]), target[2], DatasetName(*source[:2]), source[2])
        found[key] = str(edge.properties.get("transformations", ""))
    return found


def changes(before: Elements, after: Elements) -> Iterator[tuple[JobName | None, Change]]:
    """Yields the change of each element, with its job."""
    for key in sorted(before.keys() | after.keys(), key=str):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        parts: list[Any] = [*key, *[None] * (6 - len(key))]
        kind, job, dataset, column, source, source_column = parts
        ending = "removed" if new is None else "added"
        if old is not None and new is not None:
            ending = "type_changed" if kind == "column" else "changed"
        yield job, Change(Kind(f"{kind}.{ending}"), dataset, column, source, source_column, old or "", new or "")


def records(before: Elements, after: Elements, time: str, runs: Mapping[JobName, str]) -> list[ChangeRecord]:
    """One record for each job, and one for each dataset that changed by itself."""
    found = sorted(changes(before, after), key=lambda one: (str(one[0]), one[1].dataset if one[0] is None else ()))
    made = []
    for (job, dataset), group in groupby(found, key=lambda one: (one[0], one[1].dataset if one[0] is None else None)):
        of_one = tuple(change for _, change in group)
        writers = [each for each in runs if ("write", each, dataset) in after]
        run = runs.get(job, "") if job else "".join(runs[each] for each in writers[:1])
        made.append(ChangeRecord(time, of_one, job, run, dataset))
    return made


def put(store: GraphStore, found: list[ChangeRecord]) -> None:
    """Writes records to the log and the outbox."""
    for record in found:
        id_ = ids.job(record.job) if record.job is not None else ids.name(record.dataset or DatasetName("", ""))
        known = store.read([id_], ("rev",)).get(id_)
        when = Absent() if known is None else Is("rev", known["rev"])
        rev = f"{'' if known is None else known['rev']}+"
        label = schema.JOB if record.job is not None else schema.NAME
        owner = Vertex(id_, label, {"rev": rev})
        assert not store.write([StoreChange(owner, when, Is("rev", rev), change_log.steps_of(record))])


def write_and_observe(store: GraphStore, write: Callable[[], None], time: str) -> None:
    """Writes, and puts what changed into the outbox unless the writer did.

    Args:
        store: The graph.
        write: Writes events.
        time: The time of the last event.
    """
    before, waiting = elements(store), len(change_log.pending(store, 10_000))
    write()
    if len(change_log.pending(store, 10_000)) == waiting:
        canonical = datetime.fromisoformat(time).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        put(store, records(before, elements(store), canonical, {}))
