"""The whole graph in a few scans, for readers that answer by themselves: the page in a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import nlargest
from itertools import chain
from typing import NamedTuple

import orjson

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import Edge, GraphStore, Properties, Vertex
from consumer.graph.stored_facts import unpacked
from consumer.lineage.facts.facet_values import facet_value
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.registers import is_stored
from consumer.query import runs
from consumer.query.catalog import datasets
from consumer.query.catalog.datasets import Summary
from consumer.query.resolve import DATASET, LineageNode
from consumer.query.runs import Run
from consumer.query.traversal.answer import target_of
from schemas.naming import DatasetName

RUNS = 10
"""Runs of a job that are kept, the latest."""


class WholeColumn(NamedTuple):
    """A column, also one that is known by its lineage alone; `*` stands for the whole dataset."""

    target: LineageNode
    properties: Properties


class WholeDataset(NamedTuple):
    """A dataset or exposure with its own properties."""

    target: LineageNode
    summary: Summary
    properties: Properties


class WholeJob(NamedTuple):
    """A job with its own properties, its SQL and its latest runs, newest first."""

    name: JobName
    properties: Properties
    sql: str
    runs: tuple[Run, ...]


class WholeGraph(NamedTuple):
    """Everything that answers are made of; all lists are sorted, datasets and columns by name.

    Attributes:
        datasets: Datasets and exposures.
        jobs: Jobs.
        columns: Columns.
        links: Edges between datasets, and to exposures.
        column_links: Edges between columns.
        reads: Edges from datasets to jobs.
        writes: Edges from jobs to datasets.
    """

    datasets: list[WholeDataset]
    jobs: list[WholeJob]
    columns: list[WholeColumn]
    links: list[Edge]
    column_links: list[Edge]
    reads: list[Edge]
    writes: list[Edge]


def whole_graph(store: GraphStore) -> WholeGraph:
    """Reads the whole graph.

    Raises:
        TransientError: The store can't serve now.
    """
    return WholeGraph(
        sorted((_dataset(vertex) for vertex in store.vertices(schema.NODE)), key=lambda one: one.target),
        _jobs(store),
        sorted(
            (WholeColumn(target_of(vertex.id), vertex.properties) for vertex in store.vertices(schema.COLUMN)),
            key=lambda one: (one.target.dataset, one.target.column or ""),
        ),
        *(_edges(store, label) for label in (schema.EDGE, schema.COLUMN_EDGE, schema.READS, schema.WRITES)),
    )


def _edges(store: GraphStore, label: str) -> list[Edge]:
    return sorted(store.edges(label), key=lambda edge: edge.id)


def _dataset(vertex: Vertex) -> WholeDataset:
    target = target_of(vertex.id)
    kind = str(vertex.properties.get("kind") or DATASET)
    summary = datasets.summary_of(target.dataset, vertex.properties)
    return WholeDataset(target._replace(kind=kind), summary, vertex.properties)


def _jobs(store: GraphStore) -> list[WholeJob]:
    vertices = sorted(store.vertices(schema.JOB), key=lambda vertex: vertex.id)
    names = {vertex.id: ids.job_name(vertex.id) for vertex in vertices}
    sql = _sql(store, vertices)
    latest = _latest(store, list(names.values()))
    return [
        WholeJob(name, one.properties, sql.get(one.id, ""), tuple(latest.get(name, ())))
        for one, name in zip(vertices, names.values(), strict=True)
    ]


def _sql(store: GraphStore, jobs: Iterable[Vertex]) -> dict[str, str]:
    """Returns the SQL that jobs ran last, by id."""
    facts = {job.id: facts_codec.load_job(unpacked(job.properties)) for job in jobs if job.properties.get("facts")}
    registers = {id_: one.facets["sql"] for id_, one in facts.items() if "sql" in one.facets}
    texts = datasets.texts_of(store, {one.ref for one in registers.values() if is_stored(one.ref)})
    found = {id_: facet_value(facts[id_].facets, "sql", lambda ref: texts.get(ref, "{}")) for id_ in registers}
    return {id_: str(value.get("query") or "") for id_, value in found.items()}


def _latest(store: GraphStore, jobs: list[JobName]) -> dict[JobName, list[Run]]:
    by_job = runs.runs_of(store, jobs)
    kept = {job: nlargest(RUNS, found, key=lambda run: (run.time, run.key)) for job, found in by_job.items()}
    latest: dict[JobName, list[Run]] = {job: [] for job in kept}
    for run in runs.in_full(store, list(chain.from_iterable(kept.values()))):
        latest[run.key.job].append(run)
    return latest


def by_dataset(edges: Iterable[Edge], *, writes: bool) -> Mapping[str, list[str]]:
    """Groups the jobs that write or read datasets by the dataset's id, sorted."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        job, dataset = (edge.source, edge.target) if writes else (edge.target, edge.source)
        found[dataset].append(job)
    return {dataset: sorted(jobs) for dataset, jobs in found.items()}


def names_of(text: str) -> list[DatasetName]:
    """Reads a property that is a JSON list of names."""
    return [DatasetName(*name) for name in orjson.loads(text or "[]")]
