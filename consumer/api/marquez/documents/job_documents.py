"""Jobs as Marquez shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from consumer.api.marquez.documents import run_documents
from consumer.api.marquez.documents.dataset_documents import Times
from consumer.api.marquez.documents.spelling import Document, job_version, name
from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Properties
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.delta import JobFacts
from consumer.lineage.facts.keys import JobName
from consumer.query.catalog.datasets import texts_of
from consumer.query.resolve import DATASET
from consumer.query.runs import Run, runs_of
from schemas.naming import DatasetName

MOST_RUNS = 10
"""Runs that a job is shown with."""


class Job(NamedTuple):
    """The graph's content about a job.

    Attributes:
        name: Its name.
        description: Its description; empty where there is none.
        location: The URL of its code; empty where it is unknown, or is a path.
        times: When it was first and last seen.
        inputs: The datasets that it currently reads, sorted.
        outputs: Those that it currently writes, sorted.
        runs: Its runs, newest first.
        facts: Its facts.
    """

    name: JobName
    description: str
    location: str
    times: Times
    inputs: list[DatasetName]
    outputs: list[DatasetName]
    runs: list[Run]
    facts: JobFacts

    @property
    def version(self) -> str:
        """The UUID of its version."""
        return job_version(self.name, self.inputs, self.outputs, self.location)


def read_jobs(store: GraphStore, names: Collection[JobName]) -> dict[JobName, Job]:
    """Reads jobs; those that the graph does not have are left out.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.job(one): one for one in names}
    known = store.read(list(by_id), ("description", "source_path", *facts_codec.KEYS)) if by_id else {}
    found = {by_id[id_]: properties for id_, properties in known.items()}
    inputs, outputs, runs = datasets_of(store, found, schema.READS), datasets_of(store, found, schema.WRITES), {}
    if found:
        runs = runs_of(store, found)
    return {
        one: _job(one, properties, inputs.get(one, []), outputs.get(one, []), runs.get(one, []))
        for one, properties in found.items()
    }


def _job(
    name_: JobName, properties: Properties, inputs: list[DatasetName], outputs: list[DatasetName], runs: list[Run]
) -> Job:
    facts = facts_codec.load_job(unpacked(properties)) if "facts" in properties else JobFacts()
    stamps = (register.stamp.partition(" ")[0] for register in facts.facets.values())
    moments = (moment for run in runs for moment in (run.started_at, run.ended_at))
    return Job(
        name_,
        str(properties.get("description") or ""),
        _url(str(properties.get("source_path") or "")),
        Times().joined(*stamps, *moments),
        inputs,
        outputs,
        sorted(runs, key=lambda run: (run.time, run.key), reverse=True),
        facts,
    )


def _url(path: str) -> str:
    """Returns a location that a browser can open; the path of a file is none."""
    try:
        return path if urlsplit(path).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def datasets_of(store: GraphStore, jobs: Collection[JobName], label: str) -> dict[JobName, list[DatasetName]]:
    """Reads the datasets that jobs currently read (`READS`) or write (`WRITES`), sorted.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.job(one): one for one in jobs}
    found: defaultdict[JobName, set[DatasetName]] = defaultdict(set)
    edges = store.edges_at(list(by_id), label, "in" if label == schema.READS else "out") if by_id else []
    for edge in edges:
        job, dataset = (edge.target, edge.source) if label == schema.READS else (edge.source, edge.target)
        kind, *parts = ids.parse(dataset)
        if kind == DATASET:
            found[by_id[job]].add(DatasetName(*parts))
    return {job: sorted(names) for job, names in found.items()}


def node_data(job: Job) -> Document:
    """Returns a job as a node of a lineage graph has it; its latest run is without facets."""
    latest = job.runs[0] if job.runs else None
    return {
        "id": name(job.name),
        "type": "BATCH",
        "name": job.name.name,
        "simpleName": job.name.name,
        "parentJobName": None,
        "parentJobUuid": None,
        "currentRunUuid": latest.key.id if latest else None,
        **job.times.document(),
        "namespace": job.name.namespace,
        "inputs": [name(dataset) for dataset in job.inputs],
        "outputs": [name(dataset) for dataset in job.outputs],
        "location": job.location or None,
        "description": job.description or None,
        "latestRun": run_documents.bare(latest) if latest else None,
    }


def document(job: Job, facets: Mapping[str, object] | None = None) -> Document:
    """Returns a job as lists and single answers have it."""
    made = node_data(job)
    del made["currentRunUuid"]
    runs = [run_documents.bare(run) for run in job.runs[:MOST_RUNS]]
    return {
        **made,
        "latestRuns": runs or None,
        "facets": dict(facets or {}),
        "currentVersion": job.version,
        "labels": [],
        "tags": [],
    }


def version_document(job: Job) -> Document:
    """Returns the version of a job; the graph has the current one alone."""
    return {
        "id": {**name(job.name), "version": job.version},
        "name": job.name.name,
        "createdAt": job.times.document()["createdAt"],
        "version": job.version,
        "namespace": job.name.namespace,
        "location": job.location or None,
        "inputs": [name(dataset) for dataset in job.inputs],
        "outputs": [name(dataset) for dataset in job.outputs],
        "latestRun": run_documents.bare(job.runs[0]) if job.runs else None,
    }


def facets_of(store: GraphStore, job: Job) -> dict[str, object]:
    """Reads the facets of a job, with its SQL.

    Raises:
        TransientError: The store can't serve now.
    """
    registers = job.facts.facets
    return dict(run_documents.as_facets(registers, texts_of(store, run_documents.stored(registers.values()))))
