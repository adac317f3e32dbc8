"""The edges of jobs: what is current of their lineage, between the datasets that are shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache

import structlog

from consumer.errors import TransientError
from consumer.graph import ids, marks, model
from consumer.graph.documents import MOST_TRIES, Document, Documents
from consumer.graph.names import Names
from consumer.graph.nodes import Nodes, column_of
from consumer.graph.sending import Sending
from consumer.graph.store import Change, DropEdges, DropLonely, Edge, GraphStore, Is, Properties, Step, Vertex
from consumer.graph.texts import Texts
from consumer.lineage.current import BY_RUN
from consumer.lineage.delta import JobFacts, JobName
from consumer.lineage.views import JobView, current_of, job_view, lineage_refs, names_in
from schemas.naming import DatasetName

_log = structlog.get_logger(__name__)


def view_key(facts: JobFacts) -> object:
    """What the view of a job depends on, as far as its facts go: equal keys give equal views."""
    current = current_of(facts)
    carried = {
        name: {facet: said.ref for facet, said in facets.items() if facet in BY_RUN}
        for name, facets in current.carried.items()
    }
    latest = current.latest
    just_said = latest and {
        name
        for name, facets in current.carried.items()
        if any((said.ended_at, said.run) == latest.order for facet, said in facets.items() if facet in BY_RUN)
    }
    kind, producer = facts.facets.get("jobType"), facts.facets.get("producer")
    return current.inputs, current.outputs, carried, just_said, kind and kind.ref, producer and producer.ref


class JobEdges:
    """The edges of jobs."""

    def __init__(
        self, store: GraphStore, jobs: Documents[JobName, JobFacts], names: Names, nodes: Nodes, texts: Texts
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._names = names
        self._nodes = nodes
        self._texts = texts

    def draw(self, jobs: Collection[JobName]) -> None:
        """Brings the edges of jobs to what their facts say, where they lag behind.

        Raises:
            TransientError: The store can't serve now, or others change the same jobs all the time.
        """
        waiting = list(jobs)
        for _ in range(MOST_TRIES):
            waiting = self._draw(waiting)
            if not waiting:
                return
        raise TransientError(f"{len(waiting)} {model.JOB} vertices are changed by others all the time")

    def _draw(self, jobs: Collection[JobName]) -> list[JobName]:
        known = self._jobs.get(jobs)
        late = {
            job: document for job, document in known.items() if document.properties.get("viewed") != document.revision
        }
        if not late:
            return []
        sending = Sending(self._store)
        for job, view in self._views(late):
            if view.left_out:
                _log.warning("edges to some datasets left out: the job has too many", job=job, datasets=view.left_out)
            changes = _changes(job, late[job], view, self._nodes.columns)
            sending.add(changes)
            # Not at the end: of many wide jobs, all that they hold would wait for it.
            self._jobs.note(job, changes[-1].owner.properties)
        failed = sending.finish()
        again = [job for job in late if ids.job(job) in failed]
        self._jobs.forget(again)
        return again

    def _views(self, jobs: Mapping[JobName, Document[JobFacts]]) -> Iterator[tuple[JobName, JobView]]:
        """What is to be drawn of each job, one after the other."""
        texts = self._texts.fetch(ref for document in jobs.values() for ref in lineage_refs(document.facts))

        def text(ref: str) -> str:
            return texts.get(ref, ref)

        shown_as = self._names.shown_as(set().union(*(names_in(document.facts, text) for document in jobs.values())))
        for job, document in jobs.items():
            yield job, job_view(document.facts, shown_as.__getitem__, text, len(job.namespace) + len(job.name))

    def around(self, names: Mapping[DatasetName, Sequence[str]]) -> set[JobName]:
        """The jobs that have edges at datasets, given with the ids of their columns."""
        datasets = [ids.dataset(name) for name in names]
        columns = [column for of_one in names.values() for column in of_one]
        found = {edge.target for edge in self._store.edges_at(datasets, model.READS, "out")}
        found |= {edge.source for edge in self._store.edges_at(datasets, model.WRITES, "in")}
        for at, label in ((datasets, model.EDGE), (columns, model.COLUMN_EDGE)):
            for edge in (*self._store.edges_at(at, label, "out"), *self._store.edges_at(at, label, "in")):
                found.add(str(edge.properties["job"]))
        return {JobName(*ids.parse(id_)[1:]) for id_ in found}


def _edges(job: JobName, view: JobView) -> dict[str, Edge]:
    """The edges of a view by id; what many of them have in common is there once."""
    job_id, dataset, column = ids.job(job), cache(ids.dataset), cache(ids.column)
    of_datasets: Properties = {"edge_name": view.tool, "job": job_id}
    of_columns = cache(lambda said: {"transformations": said, "job": job_id})
    reads = (Edge(ids.make("reads", *name, *job), model.READS, dataset(name), job_id, {}) for name in view.reads)
    writes = (Edge(ids.make("writes", *job, *name), model.WRITES, job_id, dataset(name), {}) for name in view.writes)
    datasets = (
        Edge(ids.make("edge", *source, *target, *job), model.EDGE, dataset(source), dataset(target), of_datasets)
        for source, target in view.edges
    )
    columns = (
        Edge(
            ids.make("column_edge", *edge.source, edge.source_column, *edge.target, edge.target_column, *job),
            model.COLUMN_EDGE,
            column(edge.source, edge.source_column),
            column(edge.target, edge.target_column),
            of_columns(said),
        )
        for edge, said in view.columns.items()
    )
    return {edge.id: edge for edges in (reads, writes, datasets, columns) for edge in edges}


ColumnsOf = Callable[[DatasetName], Collection[str]]
"""From a dataset to those of its columns that need not be made."""


def _changes(job: JobName, document: Document[JobFacts], view: JobView, there: ColumnsOf) -> list[Change]:
    """What brings a job's edges to a view; in one change where it is small enough."""
    owner, token = ids.job(job), Is("rev", document.token)
    edges = _edges(job, view)
    made = {id_: marks.mark(edge.properties) for id_, edge in edges.items()}
    held = marks.load(document.properties)
    steps = list(_steps(view, edges, made, held, there, trusted=not document.properties.get("partial")))
    last = Vertex(owner, model.JOB, {"viewed": document.revision, "holds": marks.dump(made), "partial": False})
    if len(steps) <= marks.STEPS_PER_CHANGE:
        return [Change(last, token, token, tuple(steps))]
    return [
        Change(Vertex(owner, model.JOB, {"holds": marks.dump({**held, **made}), "partial": True}), token, token),
        *(Change(Vertex(owner, model.JOB, {}), token, token, chunk) for chunk in marks.chunks(steps)),
        Change(last, token, token),
    ]


def _steps(
    view: JobView,
    edges: Mapping[str, Edge],
    made: Mapping[str, int],
    held: Mapping[str, int],
    there: ColumnsOf,
    *,
    trusted: bool,
) -> Iterator[Step]:
    """New and changed edges before those that go, so that a reader never finds a gap."""
    new = [id_ for id_ in edges if not trusted or held.get(id_) != made[id_]]
    yield from _column_vertices(view, {end for id_ in new for end in (edges[id_].source, edges[id_].target)}, there)
    yield from (edges[id_] for id_ in new)
    gone = tuple(sorted(id_ for id_ in held if id_ not in edges))
    if gone:
        yield DropEdges(gone)
        lonely = _columns_of(gone) - {end for edge in edges.values() for end in (edge.source, edge.target)}
        if lonely:
            yield DropLonely(tuple(sorted(lonely)), "in_schema", model.COLUMN_EDGE)


def _column_vertices(view: JobView, wanted: Collection[str], there: ColumnsOf) -> Iterator[Step]:
    """The columns at the ends of edges, where their dataset's schema does not have them anyway."""
    ends = {
        end for edge in view.columns for end in ((edge.source, edge.source_column), (edge.target, edge.target_column))
    }
    for name, column in sorted(ends):
        id_ = ids.column(name, column)
        if id_ in wanted and column not in there(name):
            yield Vertex(id_, model.COLUMN, {"name": column})
            yield column_of(name, column)


def _columns_of(edges: Iterable[str]) -> set[str]:
    """The columns that column edges were between, told from their ids."""
    found: set[str] = set()
    for id_ in edges:
        kind, *parts = ids.parse(id_)
        if kind == "column_edge":
            found.add(ids.make("column", *parts[:3]))
            found.add(ids.make("column", *parts[3:6]))
    return found
