"""Answers of the search box and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.api.marquez.asked import Asked
from consumer.api.marquez.documents import dataset_documents, statistics
from consumer.api.marquez.documents.spelling import UNKNOWN_TIME, Document
from consumer.api.marquez.node_ids import dataset_id, job_id
from consumer.lineage.facts.keys import JobName
from schemas.naming import DatasetName

MOST_FOUND = 1_000
"""Matches of which the times are looked at."""


def search(asked: Asked) -> Document:
    """Finds datasets and jobs by a part of their name."""
    query = asked.query
    text, limit = query.needed("q").casefold(), query.page(10).limit
    kind, sort = query.choice("filter", ("DATASET", "JOB")), query.choice("sort", ("NAME", "UPDATE_AT"), "NAME")
    space, before, after = query.text("namespace"), query.moment("before"), query.moment("after")
    tables = [one for one in asked.names.all_datasets() if kind != "JOB" and _matches(one, text, space)]
    works = [one for one in asked.names.all_jobs() if kind != "DATASET" and _matches(one, text, space)]
    both: list[DatasetName | JobName] = [*tables, *works]
    found = sorted(both, key=lambda one: (one.name, one.namespace, type(one).__name__))
    if sort == "NAME" and not (before or after):
        found = found[:limit]
    results = _results(asked, found[:MOST_FOUND])
    results = [one for one in results if _within(str(one["updatedAt"]), before, after)]
    if sort == "UPDATE_AT":
        results.sort(key=lambda one: str(one["updatedAt"]), reverse=True)
    return {"results": results[:limit], "totalCount": len(results[:limit])}


def _matches(one: DatasetName | JobName, text: str, space: str) -> bool:
    return text in one.name.casefold() and space in {"", one.namespace}


def _within(time: str, before: str, after: str) -> bool:
    return (not before or time < before) and (not after or time >= after)


def _results(asked: Asked, found: Sequence[DatasetName | JobName]) -> list[Document]:
    tables = [one for one in found if isinstance(one, DatasetName)]
    known = dataset_documents.documents(asked.store, dataset_documents.read_nodes(asked.store, tables))
    updated = {dataset_id(DatasetName(one["namespace"], one["name"])): one["updatedAt"] for one in known}
    last = asked.activity.last
    updated |= {job_id(one): last[one].time for one in found if isinstance(one, JobName) and one in last}
    return [
        {
            "type": "JOB" if isinstance(one, JobName) else "DATASET",
            "name": one.name,
            "updatedAt": updated.get(node, UNKNOWN_TIME),
            "namespace": one.namespace,
            "nodeId": node,
        }
        for one in found
        for node in (job_id(one) if isinstance(one, JobName) else dataset_id(one),)
    ]


def _intervals(asked: Asked) -> list[statistics.Interval]:
    period = asked.query.choice("period", statistics.PERIODS, "DAY") or "DAY"
    return statistics.intervals(period, asked.query.zone("timezone"), asked.remembered.now())


def event_counts(asked: Asked) -> list[Document]:
    """Counts runs that began and ended, by hour or day."""
    return statistics.event_counts(asked.activity, _intervals(asked))


def job_counts(asked: Asked) -> list[Document]:
    """Counts jobs by hour or day."""
    return statistics.job_counts(asked.activity, sum(map(len, asked.names.jobs.values())), _intervals(asked))


def dataset_counts(asked: Asked) -> list[Document]:
    """Counts datasets."""
    return statistics.constant_counts(sum(map(len, asked.names.datasets.values())), _intervals(asked))


def source_counts(asked: Asked) -> list[Document]:
    """Counts sources."""
    return statistics.constant_counts(len(asked.names.datasets), _intervals(asked))
