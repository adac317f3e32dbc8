"""Endpoints of the native API: path, parameters, and the answer of a graph as a document or as CSV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from consumer.api.native import answer_types
from consumer.api.native.node_or_job import means_job, resolve_node_or_job
from consumer.api.native.parameters import (
    ChangesParameters,
    GraphParameters,
    ImpactParameters,
    LineageParameters,
    MomentsParameters,
    NodeParameters,
    PageParameters,
    Parameters,
    PathParameters,
    QualityParameters,
    RunParameters,
    SearchParameters,
    WhyParameters,
)
from consumer.errors import UsageError
from consumer.graph import ids, schema
from consumer.graph.store import GraphStore
from consumer.history.past_graph import PastGraph, as_of
from consumer.query import runs
from consumer.query.catalog import describe as description
from consumer.query.catalog.datasets import SUMMARY_KEYS, Outcome, summaries, summary_of, with_results
from consumer.query.diff import diff
from consumer.query.job_names import all_jobs, jobs_of
from consumer.query.resolve import DATASET, resolve
from consumer.query.traversal import impact as impacts
from consumer.query.traversal import job_surroundings, paths, root_cause, traverse
from consumer.query.traversal import neighbourhood as surroundings
from consumer.query.traversal.moments import moments, moments_of_job
from consumer.render import answers, changes, documents, export_json, lineage_formats
from consumer.time_parsing import parse_moment, require_order
from schemas.naming import DatasetName

Document = dict[str, Any]
P = Any
T = TypeVar("T")


@dataclass(frozen=True)
class Endpoint:
    """One query over HTTP.

    Attributes:
        path: Below `/api/v2`.
        summary: One line.
        parameters: The model of its query string.
        answer_type: The type of the document.
        answer: From the store and the parameters to the document.
        csv: The same as CSV; None if there is no such form.
    """

    path: str
    summary: str
    parameters: type[Parameters]
    answer_type: type[Any]
    answer: Callable[[GraphStore, P], Document]
    csv: Callable[[GraphStore, P], str] | None = None


@contextmanager
def _at(store: GraphStore, text: str | None, parameter: str = "as_of") -> Iterator[GraphStore]:
    """Yields the graph as of a moment; as it is for None."""
    if text is None:
        yield store
        return
    with closing(as_of(store, parse_moment(text, time.time(), parameter))) as past:
        yield past


def _changes(store: GraphStore, asked: ChangesParameters) -> Document:
    require_order(asked.since, asked.to, time.time(), ("from", "to"))
    with _at(store, asked.to, "to") as later, _at(store, asked.since, "from") as earlier:
        about = _around(asked, later, earlier) if asked.node is not None else None
        difference = diff(export_json.document(earlier), export_json.document(later), about)
        truncated = len(difference.records) > asked.limit
        found = {**changes.document(difference, limit=asked.limit), "truncated": truncated}
        return {**found, "known_since": earlier.known_since or None} if isinstance(earlier, PastGraph) else found


def _around(asked: ChangesParameters, *graphs: GraphStore) -> set[DatasetName]:
    """Returns the datasets around a node in any of some graphs.

    Raises:
        UsageError: The node's name means nothing, or several things, in each of them.
    """
    found: set[DatasetName] = set()
    refused: UsageError | None = None
    for graph in graphs:
        try:
            found |= _near(graph, asked)
        except UsageError as error:
            # A dataset that is gone by then, or not there yet, is in the other graph.
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return found


def _near(graph: GraphStore, asked: ChangesParameters) -> set[DatasetName]:
    target = resolve_node_or_job(graph, asked.node or "")
    if means_job(target):
        return job_surroundings.datasets_of(graph, target)
    near = traverse.lineage(graph, target._replace(column=None), asked.upstream, asked.downstream)
    return {target.dataset, *(one.target.dataset for one in near.nodes)}


def _moments(store: GraphStore, asked: MomentsParameters) -> Document:
    target = resolve_node_or_job(store, asked.node)
    if means_job(target):
        found = moments_of_job(store, target)
    else:
        found = moments(store, target, asked.upstream, asked.downstream)
    return {"moments": [one._asdict() for one in found]}


def _dataset(store: GraphStore, asked: NodeParameters) -> Document:
    return documents.description(description.describe_node(store, resolve(store, asked.node)))


def _lineage_of(store: GraphStore, asked: LineageParameters) -> traverse.Lineage:
    target = resolve(store, asked.node)
    return traverse.lineage(store, target, asked.upstream, asked.downstream, columns=asked.columns, direct=asked.direct)


def _lineage(store: GraphStore, asked: LineageParameters) -> Document:
    return lineage_formats.document(_lineage_of(store, asked))


def _lineage_csv(store: GraphStore, asked: LineageParameters) -> str:
    return lineage_formats.csv(_lineage_of(store, asked))


def graph_of(store: GraphStore, asked: GraphParameters) -> surroundings.Neighbourhood:
    """Reads the datasets around a node.

    Raises:
        UsageError: The node's name means nothing, or several things.
        TransientError: The store can't serve now.
    """
    target = resolve_node_or_job(store, asked.node)
    read = job_surroundings.job_neighbourhood if means_job(target) else surroundings.neighbourhood
    return read(store, target, asked.upstream, asked.downstream, asked.limit, states=asked.states)


def _graph(store: GraphStore, asked: GraphParameters) -> Document:
    return documents.neighbourhood(graph_of(store, asked))


def _impact_of(store: GraphStore, asked: ImpactParameters) -> impacts.Impact:
    return impacts.impact(store, resolve(store, asked.node), impacts.Change(asked.change), asked.depth)


def _impact(store: GraphStore, asked: ImpactParameters) -> Document:
    return documents.impact(_impact_of(store, asked))


def _impact_csv(store: GraphStore, asked: ImpactParameters) -> str:
    return answers.impact_csv(_impact_of(store, asked))


def _paths(store: GraphStore, asked: PathParameters) -> Document:
    source, target = resolve(store, asked.source), resolve(store, asked.target)
    return documents.paths(paths.shortest_paths(store, source, target, asked.limit))


def _runs(store: GraphStore, asked: RunParameters) -> Document:
    jobs = all_jobs(store) if asked.node is None else jobs_of(store, asked.node)
    found, total = runs.history(store, jobs, asked.limit, [asked.state] if asked.state else ())
    fed = runs.fed_newest(store, found) if asked.node is not None else {}
    return documents.runs(found, total, fed)


def _why(store: GraphStore, asked: WhyParameters) -> Document:
    return documents.diagnosis(root_cause.diagnose(store, resolve(store, asked.node), asked.depth))


def _datasets(store: GraphStore, asked: PageParameters) -> Document:
    page = store.ids(schema.NODE, asked.cursor, asked.limit)
    known = store.read(page, SUMMARY_KEYS)
    # Exposures are nodes too; they are listed with the datasets that they use.
    names = {id_: ids.dataset_name(id_) for id_ in page if ids.parse(id_)[0] == DATASET}
    summaries = (summary_of(name, known.get(id_, {})) for id_, name in names.items())
    return {"datasets": [documents.summary(one) for one in summaries], "next": _next(page, asked)}


def _jobs(store: GraphStore, asked: PageParameters) -> Document:
    page = store.ids(schema.JOB, asked.cursor, asked.limit)
    known = store.read(page, ("namespace", "name", "type", "integration", "description", "source_path"))
    return {"jobs": [dict(known[id_]) for id_ in page if id_ in known], "next": _next(page, asked)}


def _quality(store: GraphStore, asked: QualityParameters) -> Document:
    outcome = Outcome(asked.outcome)
    if asked.node is None:
        found, following = with_results(store, asked.cursor, asked.limit, outcome)
    else:
        name = resolve(store, asked.node).dataset
        summary = summaries(store, [name])[name]
        found, following = [summary._replace(tests=tuple(filter(outcome.includes, summary.tests)))], None
    return {"datasets": [documents.summary(one) for one in found], "next": following}


def _next(page: list[str], asked: PageParameters) -> str | None:
    return page[-1] if len(page) == asked.limit else None


ENDPOINTS = (
    Endpoint("/dataset", "Everything about one dataset or exposure.", NodeParameters, answer_types.Dataset, _dataset),
    Endpoint("/datasets", "All datasets, page by page.", PageParameters, answer_types.Datasets, _datasets),
    Endpoint("/jobs", "All jobs, page by page.", PageParameters, answer_types.Jobs, _jobs),
    Endpoint(
        "/lineage", "Lineage of a dataset or column.", LineageParameters, answer_types.Lineage, _lineage, _lineage_csv
    ),
    Endpoint("/changes", "What changed between two moments.", ChangesParameters, answer_types.Changes, _changes),
    Endpoint(
        "/moments", "The moments at which a neighbourhood changed.", MomentsParameters, answer_types.Moments, _moments
    ),
    Endpoint(
        "/graph",
        "The datasets around one, nearest first, with counts of the rest.",
        GraphParameters,
        answer_types.Graph,
        _graph,
    ),
    Endpoint(
        "/impact",
        "What breaks if a dataset or column changes.",
        ImpactParameters,
        answer_types.Impact,
        _impact,
        _impact_csv,
    ),
    Endpoint("/paths", "Shortest paths between two nodes.", PathParameters, answer_types.Paths, _paths),
    Endpoint(
        "/quality",
        "The last test results of datasets, page by page.",
        QualityParameters,
        answer_types.Datasets,
        _quality,
    ),
    Endpoint("/runs", "The latest runs, newest first.", RunParameters, answer_types.Runs, _runs),
    Endpoint("/why", "What may be wrong upstream of a dataset.", WhyParameters, answer_types.Why, _why),
)
"""The queries that read a store; `/search` reads the index."""

SEARCH = (
    "/search",
    "Find datasets by name, column, description, tag or owner.",
    SearchParameters,
    answer_types.Results,
)


def asked_of(answer: Callable[[GraphStore, P], T], store: GraphStore, asked: P) -> T:
    """Returns the answer of a graph, as of the moment that is asked for."""
    with _at(store, getattr(asked, "as_of", None)) as graph:
        return answer(graph, asked)


def document_of(endpoint: Endpoint, store: GraphStore, asked: P) -> Document:
    """Returns the document of an endpoint; of an answer as of a moment also since when all is known."""
    at = getattr(asked, "as_of", None)
    if at is None:
        return endpoint.answer(store, asked)
    with closing(as_of(store, parse_moment(at, time.time(), "as_of"))) as past:
        return {**endpoint.answer(past, asked), "known_since": past.known_since or None}
