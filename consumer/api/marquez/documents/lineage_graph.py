"""Marquez's graph of datasets and jobs.

It is undirected: a step leads from a job to each job that shares a dataset with it. It begins at a job, or at the jobs
that write the dataset that was asked about; at those that read it if none writes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from consumer.api.marquez.documents import dataset_documents, job_documents
from consumer.api.marquez.documents.dataset_documents import Times
from consumer.api.marquez.documents.job_documents import Job, datasets_of, read_jobs
from consumer.api.marquez.documents.spelling import Document
from consumer.api.marquez.node_ids import dataset_id, job_id
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.lineage.facts.keys import JobName
from consumer.query.catalog.datasets import producers, readers
from schemas.naming import DatasetName


def lineage(store: GraphStore, start: DatasetName | JobName, depth: int) -> Document:
    """Returns the graph around a dataset or job.

    Args:
        store: The graph.
        start: A dataset or job that the graph has.
        depth: Steps from job to job.

    Raises:
        TransientError: The store can't serve now.
    """
    first = {start} if isinstance(start, JobName) else _jobs_at(store, start)
    jobs = read_jobs(store, _reached(store, first, depth))
    names = {name for job in jobs.values() for name in (*job.inputs, *job.outputs)}
    if isinstance(start, DatasetName):
        names.add(start)
    nodes = [*map(_job_node, jobs.values()), *_dataset_nodes(store, names, jobs.values())]
    return {"graph": sorted(nodes, key=lambda node: str(node["id"]))}


def _jobs_at(store: GraphStore, dataset: DatasetName) -> set[JobName]:
    found = producers(store, [dataset]) or readers(store, [dataset])
    return {ids.job_name(job) for job in found.get(dataset, ())}


def _reached(store: GraphStore, first: Collection[JobName], depth: int) -> set[JobName]:
    reached, frontier, seen = set(first), set(first), set[DatasetName]()
    for _ in range(depth):
        datasets = {
            name
            for label in (schema.READS, schema.WRITES)
            for names in datasets_of(store, frontier, label).values()
            for name in names
        } - seen
        seen |= datasets
        near = [*producers(store, datasets).values(), *readers(store, datasets).values()] if datasets else []
        frontier = {ids.job_name(job) for jobs in near for job in jobs} - reached
        reached |= frontier
        if not frontier:
            break
    return reached


def _edge(origin: str, destination: str) -> Document:
    return {"origin": origin, "destination": destination}


def _job_node(job: Job) -> Document:
    id_ = job_id(job.name)
    return {
        "id": id_,
        "type": "JOB",
        "data": job_documents.node_data(job),
        "inEdges": [_edge(dataset_id(name), id_) for name in job.inputs],
        "outEdges": [_edge(id_, dataset_id(name)) for name in job.outputs],
    }


def _dataset_nodes(store: GraphStore, names: Collection[DatasetName], jobs: Iterable[Job]) -> list[Document]:
    known = dataset_documents.read_nodes(store, names)
    times = dataset_documents.dataset_times(store, known)
    written: dict[DatasetName, list[Job]] = {name: [] for name in known}
    read: dict[DatasetName, list[Job]] = {name: [] for name in known}
    for job in jobs:
        for name in job.outputs:
            written.get(name, []).append(job)
        for name in job.inputs:
            read.get(name, []).append(job)
    nodes = []
    for name, properties in known.items():
        id_, modified = dataset_id(name), _modified(written[name])
        nodes.append(
            {
                "id": id_,
                "type": "DATASET",
                "data": dataset_documents.node_data(name, properties, _seen(times[name], modified), modified),
                "inEdges": [_edge(job_id(job.name), id_) for job in written[name]],
                "outEdges": [_edge(id_, job_id(job.name)) for job in read[name]],
            }
        )
    return nodes


def _seen(times: Times, modified: str) -> Times:
    return times.joined(modified)


def _modified(jobs: Iterable[Job]) -> str:
    """When one of the jobs last completed; empty if none has."""
    return max((run.ended_at for job in jobs for run in job.runs if run.state == "COMPLETE"), default="")
