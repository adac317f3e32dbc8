"""Answers about lineage."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.api.marquez.answers.run_answers import run_asked
from consumer.api.marquez.asked import Asked
from consumer.api.marquez.documents import column_graph, dataset_documents, job_documents, lineage_graph
from consumer.api.marquez.documents.job_documents import Job, read_jobs
from consumer.api.marquez.documents.spelling import STATES, Document, dataset_version, name
from consumer.api.marquez.lookup import node_of
from consumer.api.marquez.node_ids import NodeId, NodeKind, readings
from consumer.api.marquez.refusals import missing, no_node, unparsable
from consumer.graph import ids, schema
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.query.runs import Run, all_fed_by, in_full
from schemas.naming import DatasetName

DEPTH = 20
MOST_DEPTH = 100
"""Steps of a graph; a greater depth counts as this one."""


def _depth(asked: Asked) -> int:
    return min(asked.query.number("depth", DEPTH), MOST_DEPTH)


def lineage(asked: Asked) -> Document:
    """Returns the graph of datasets and jobs around a node."""
    depth, ways = _depth(asked), readings(asked.query.raw("nodeId"))
    if not ways or ways[0].kind is NodeKind.FIELD:
        raise unparsable()
    found = node_of(asked.store, ways, asked.remembered.given)
    if found is None:
        raise missing("Job" if ways[0].kind is NodeKind.JOB else "Dataset", ways[0].parts[-1])
    return lineage_graph.lineage(asked.store, found[1], depth)


def column_lineage(asked: Asked) -> Document:
    """Returns the graph of fields above a dataset, a field or what a job writes."""
    depth, ways = _depth(asked), readings(asked.query.raw("nodeId"))
    if not ways:
        raise unparsable()
    found = node_of(asked.store, ways, asked.remembered.given)
    fields = _fields_of(asked, *found) if found else []
    if not fields:
        raise no_node()
    downstream = asked.query.flag("withDownstream")
    return column_graph.column_lineage(asked.store, fields, depth, downstream=downstream)


def _fields_of(asked: Asked, node: NodeId, found: DatasetName | JobName) -> list[str]:
    """Returns the ids of the columns that a node stands for; none of a version that is not the current one."""
    if node.version is not None and node.version != _current_version(asked, found):
        return []
    written = [found] if isinstance(found, DatasetName) else _written(asked, found)
    edges = asked.store.edges_at([ids.dataset(one) for one in written], schema.COLUMN_OF, "in") if written else []
    columns = sorted({edge.source for edge in edges})
    return [one for one in columns if node.kind is not NodeKind.FIELD or ids.parse(one)[-1] == node.parts[2]]


def _written(asked: Asked, job: JobName) -> list[DatasetName]:
    return job_documents.datasets_of(asked.store, [job], schema.WRITES).get(job, [])


def _current_version(asked: Asked, found: DatasetName | JobName) -> str:
    if isinstance(found, JobName):
        return read_jobs(asked.store, [found])[found].version
    known = dataset_documents.read_nodes(asked.store, [found])
    return str(dataset_documents.documents(asked.store, known)[0]["currentVersion"])


def run_lineage(asked: Asked) -> Document:
    """Returns the runs that fed a run, and those that fed these."""
    run_id, depth = asked.query.needed("runId"), _depth(asked)
    level, seen, found = [run_asked(asked, run_id)], set[RunKey](), list[Document]()
    for _ in range(depth + 1):
        seen |= {one.key for one in level}
        fed = all_fed_by(asked.store, level)
        jobs_ = read_jobs(asked.store, {one.key.job for one in level})
        found += [_lineage_of(one, fed[one.key], jobs_.get(one.key.job)) for one in level]
        before = {one.key: one for feeding in fed.values() for one in feeding.values() if one.key not in seen}
        level = in_full(asked.store, before.values())
        if not level:
            break
    return {"runs": found}


def _lineage_of(one: Run, fed: Mapping[DatasetName, Run], job_: Job | None) -> Document:
    inputs = [
        {
            **name(dataset_),
            "version": dataset_version(dataset_, fed[dataset_].key if dataset_ in fed else None),
            "producedByRunId": fed[dataset_].key.id if dataset_ in fed else None,
        }
        for dataset_ in one.inputs
    ]
    return {
        "job": {**name(one.key.job), "version": job_.version if job_ else None},
        "run": {
            "id": one.key.id,
            "start": one.started_at or None,
            "end": one.ended_at or None,
            "status": STATES.get(one.state, "NEW"),
        },
        "inputs": inputs,
    }
