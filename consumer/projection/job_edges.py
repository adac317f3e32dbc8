"""The edges of jobs: what is current of their lineage, between the datasets that are shown.

The edges of a job are a projection of its facts, of the facets of its outputs, and of the names of its datasets. They
are guarded by the job's document, which also lists what the last projection made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import structlog

from consumer.graph import ids, schema
from consumer.graph.store import DropEdges, DropOrphans, Edge, GraphStore, Properties, Step, Vertex
from consumer.lineage.facts.current import executions_of
from consumer.lineage.facts.delta import JobFacts
from consumer.lineage.facts.executions import Execution
from consumer.lineage.facts.keys import JobName, OutputKey
from consumer.lineage.facts.output_facets import OutputFacts
from consumer.lineage.lifecycle import Placement
from consumer.lineage.views import JobView, Stated, in_force, job_view, names_in, targets_of
from consumer.projection import change_records, fingerprints
from consumer.projection.alias_sets import Names
from consumer.projection.blobs import BlobStore
from consumer.projection.change_records import DRAWN, OWN, Cause
from consumer.projection.datasets import REMOVALS, Nodes, Places, column_of, removals
from consumer.projection.documents.fact_document import FactDocument, FactUpdate
from consumer.projection.documents.relied import Relied
from consumer.projection.jobs import JobDocuments, Jobs
from consumer.projection.lineage_sources import LineageSources
from schemas.naming import DatasetName

_log = structlog.get_logger(__name__)

Outputs = dict[DatasetName, OutputFacts]

NO_PROPERTIES: Properties = {}


class _Sources(NamedTuple):
    """The sources of the edges of one job.

    Attributes:
        stated: What its runs and declarations say.
        outputs: The facets of its current outputs, by each name of these datasets.
        names: The names of all its datasets, each with where it is shown.
        removals: Of the names that are shown, those whose vertex was ever removed, and how often: edges at it went too.
    """

    stated: Stated
    outputs: Outputs
    names: Mapping[DatasetName, Placement]
    removals: Mapping[DatasetName, int]


class _Marks(NamedTuple):
    """Hashes of what the edges of a job are made from.

    Attributes:
        projected: Of all of it.
        own: Of what the job's runs and declarations say.
        removals: Of how often the vertices of its datasets were removed; empty if none was.
    """

    projected: str
    own: str
    removals: str


class Drawn(NamedTuple):
    """The result of projecting edges.

    Attributes:
        failed: Jobs that somebody else has changed meanwhile, or whose datasets are not there as they were known.
        names: All names of their datasets.
    """

    failed: list[JobName]
    names: set[DatasetName]


class JobEdges:
    """The edges of jobs."""

    def __init__(
        self, store: GraphStore, jobs: Jobs, names: Names, nodes: Nodes, texts: BlobStore, sources: LineageSources
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._names = names
        self._nodes = nodes
        self._texts = texts
        self._lineage_sources = sources

    def draw(self, jobs: Collection[JobName], relied: Relied, *, certain: Collection[JobName] = ()) -> Drawn:
        """Brings the edges of jobs to what their facts say.

        Args:
            jobs: Which.
            relied: Gets what was used without being written.
            certain: Those of the jobs whose documents are known to have been in the store after the last change of
                what their edges are made from.

        Raises:
            TransientError: The store can't serve now.
        """
        named: dict[JobName, set[DatasetName]] = {}

        def plan(known: JobDocuments) -> Iterator[tuple[JobName, FactUpdate[JobFacts]]]:
            used = Relied(self._store)
            sources = self._sources(known, used)
            projected = {job: fingerprint(document, sources[job]) for job, document in known.items()}
            late = [job for job, document in known.items() if not _is_drawn(document, projected[job])]
            if late:
                relied.merge(used)
            texts = self._texts.fetch(set().union(*(sources[job].stated.stored_refs for job in late)))
            for job in sorted(late):
                named[job] = set(sources[job].names)
                view = _view(job, known[job].facts, sources[job], texts)
                marks = _marks(projected[job], sources[job])
                by_names = known[job].properties.get(OWN) == marks.own
                moved_at = self._moved_at(sources[job]) if by_names else ""
                cause = change_records.cause_of_job(known[job].facts, moved_at, by_names=by_names)
                yield job, _draft(job, known[job], view, marks, cause, self._nodes.columns)

        updated = self._jobs.documents.update(jobs, plan, relied=relied, retry=False)
        kept = {job: document for job, document in updated.documents.items() if job not in {*updated.written, *certain}}
        relied.add(self._jobs.documents, kept)
        names = set().union(*(named[job] for job in updated.failed))
        self._names.documents.forget(names)
        return Drawn(updated.failed, names)

    def _moved_at(self, sources: _Sources) -> str:
        """Returns the latest time at which a dataset of a job was linked, dropped or renamed; empty if none was."""
        linked = (document.facts.links for document in self._names.documents.get(sources.names).values())
        times = [register.stamp.partition(" ")[0] for register in linked if register is not None]
        times += [max("" if one.unused else one.dropped, one.renamed) for one in sources.names.values()]
        return max(times, default="")

    def _sources(self, jobs: JobDocuments, relied: Relied) -> dict[JobName, _Sources]:
        """Returns the sources of the edges of jobs; lineage, outputs and names are read for all jobs together."""
        executions = {job: executions_of(document.facts) for job, document in jobs.items()}
        outputs = self._outputs(executions, relied)
        stated = {
            job: Stated(executions[job], in_force(document.facts, outputs[job])) for job, document in jobs.items()
        }
        sources = self._lineage_sources.of(set().union(*(of_one.refs for of_one in stated.values())))
        named = {job: names_in(of_one, outputs[job], sources) for job, of_one in stated.items()}
        placed = self._names.placed(set().union(*named.values()), relied)
        within = {job: _within(placed, of_one) for job, of_one in named.items()}
        return {
            job: _Sources(stated[job], outputs[job], of_one, self._removals(of_one)) for job, of_one in within.items()
        }

    def _outputs(self, executions: Mapping[JobName, Sequence[Execution]], relied: Relied) -> dict[JobName, Outputs]:
        """Returns the stored facts of outputs under all names of the datasets that jobs write."""
        targets = {job: targets_of(of_one) for job, of_one in executions.items()}
        groups = self._names.groups(set().union(*targets.values()), relied)
        keys = [OutputKey(job, name) for job, of_one in targets.items() for target in of_one for name in groups[target]]
        documents = self._jobs.outputs.get(set(keys))
        relied.add(self._jobs.outputs, documents)
        outputs: dict[JobName, Outputs] = {job: {} for job in executions}
        for key in keys:
            if documents[key].stored:
                outputs[key.job][key.name] = documents[key].facts
        return outputs

    def _removals(self, placed: Mapping[DatasetName, Placement]) -> dict[DatasetName, int]:
        known = self._names.documents.get({one.shown for one in placed.values()})
        return {name: removals(document) for name, document in known.items() if removals(document)}

    def around(self, places: Places) -> set[JobName]:
        """Returns the jobs that have edges at places."""
        datasets = [ids.dataset(name) for name in places.columns]
        columns = [column for of_one in places.columns.values() for column in of_one]
        changed = [ids.name(name) for name in places.names]
        found = {edge.source for edge in self._store.edges_at(changed, schema.NAMES, "in")}
        # What a job said of an output under one name may now be of a dataset that it writes under another one.
        outputs = (ids.output_key(edge.source) for edge in self._store.edges_at(changed, schema.OUTPUT_OF, "in"))
        found |= {ids.job(output.job) for output in outputs}
        found |= {edge.target for edge in self._store.edges_at(datasets, schema.READS, "out")}
        found |= {edge.source for edge in self._store.edges_at(datasets, schema.WRITES, "in")}
        found |= self._makers(datasets, schema.EDGE) | self._makers(columns, schema.COLUMN_EDGE)
        return {ids.job_name(id_) for id_ in found}

    def _makers(self, at: Sequence[str], label: str) -> set[str]:
        """Returns the ids of the jobs that made the edges at vertices; one to an exposure is the dataset's own."""
        edges = (*self._store.edges_at(at, label, "out"), *self._store.edges_at(at, label, "in"))
        return {str(edge.properties["job"]) for edge in edges if "job" in edge.properties}


def _within(placed: Mapping[DatasetName, Placement], names: Iterable[DatasetName]) -> dict[DatasetName, Placement]:
    """Returns the placements of names, and of those that they were renamed to."""
    found: dict[DatasetName, Placement] = {}
    waiting = set(names)
    while waiting:
        found |= {name: placed[name] for name in waiting}
        waiting = {one.to for one in found.values() if one.to is not None} - found.keys()
    return found


def fingerprint(document: FactDocument[JobFacts], sources: _Sources) -> str:
    """Returns a hash of all that the edges of a job are made from, but for times and run ids."""
    facts = document.facts
    # Of a dataset that was dropped or renamed it matters when something was said.
    is_timed = any(found.changed for found in sources.names.values())
    executions = sorted(
        (sorted(one.inputs), sorted(one.outputs), one.lineage, one.time if is_timed else "")
        for one in sources.stated.executions
    )
    # Not the times of facets, which differ with every run, but the order that follows from them.
    before = sorted(sources.stated.in_force, key=lambda found: (found[2].rank(found[1]), found[0]))
    placed = sorted(
        [name, *(found if found.changed else found[:1])]
        for name, found in sources.names.items()
        if found.changed or found.shown != name
    )
    kind, producer = facts.facets.ref("jobType"), facts.facets.ref("producer")
    facets = [[name, facet, carried.ref] for name, facet, carried in before]
    # A writer that knew an older placement may have removed a vertex after these very edges were drawn.
    removed = sorted(sources.removals.items())
    return fingerprints.fingerprint((executions, facets, placed, kind, producer, *([removed] if removed else ())))


def own_fingerprint(stated: Stated) -> str:
    """Returns a hash of what a job's runs and declarations say, but not of what its datasets are called."""
    said = sorted((sorted(one.inputs), sorted(one.outputs), one.lineage) for one in stated.executions)
    facets = sorted((name, facet, carried.ref) for name, facet, carried in stated.in_force)
    return fingerprints.fingerprint((said, facets))


def _marks(projected: str, sources: _Sources) -> _Marks:
    removed = fingerprints.fingerprint(sorted(sources.removals.items())) if sources.removals else ""
    return _Marks(projected, own_fingerprint(sources.stated), removed)


def _is_drawn(document: FactDocument[JobFacts], projected: str) -> bool:
    return document.properties.get("projected") == projected and not document.properties.get("partial")


def _view(job: JobName, facts: JobFacts, sources: _Sources, texts: Mapping[str, str]) -> JobView:
    view = job_view(
        facts,
        sources.outputs,
        sources.names,
        lambda ref: texts.get(ref, ref),
        len(job.namespace) + len(job.name),
    )
    if view.left_out:
        _log.warning("job has too many edges", job=job, datasets_without_edges=view.left_out)
    return view


def edges_of_view(job: JobName, view: JobView) -> dict[str, Edge]:
    """Returns the edges of a view by id; what many of them have in common is there once."""
    job_id, dataset, column = ids.job(job), cache(ids.dataset), cache(ids.column)
    of_datasets: Properties = {"edge_name": view.tool, "job": job_id}
    of_columns = cache(lambda said: {"transformations": said, "job": job_id})
    found: dict[str, Edge] = {}

    def add(label: str, source: str, target: str, properties: Properties = NO_PROPERTIES) -> None:
        id_ = ids.edge_id(label, source, target, job_id)
        found[id_] = Edge(id_, label, source, target, properties)

    for name in view.reads:
        add(schema.READS, dataset(name), job_id)
    for name in view.writes:
        add(schema.WRITES, job_id, dataset(name))
    for source, target in view.edges:
        add(schema.EDGE, dataset(source), dataset(target), of_datasets)
    for edge, said in view.columns.items():
        source_id, target_id = column(edge.source, edge.source_column), column(edge.target, edge.target_column)
        add(schema.COLUMN_EDGE, source_id, target_id, of_columns(said))
    for name in view.beside:
        add(schema.NAMES, job_id, ids.name(name))
    return found


ColumnsOf = Callable[[DatasetName], Collection[str]]
"""From a dataset to those of its columns that need not be made."""


def _draft(
    job: JobName, document: FactDocument[JobFacts], view: JobView, marks: _Marks, cause: Cause, there: ColumnsOf
) -> FactUpdate[JobFacts]:
    """Returns the draft that brings a job's edges to a view, and records the change."""
    edges = edges_of_view(job, view)
    made = fingerprints.marks_of(edges)
    before = fingerprints.load(document.properties)
    # Edges went with a vertex that was removed, so all are written again.
    removed = marks.removals != str(document.properties.get(REMOVALS) or "")
    trusted = not removed and not document.properties.get("partial")
    new = [id_ for id_ in edges if not trusted or before.get(id_) != made[id_]]
    gone = tuple(sorted(id_ for id_ in before if id_ not in edges))
    lonely = _columns_of(gone) - {end for edge in edges.values() for end in (edge.source, edge.target)}
    drop = (DropOrphans(tuple(sorted(lonely)), "in_schema", schema.COLUMN_EDGE),) if lonely else ()
    record = change_records.of_job(job, document, edges, made, cause)
    # What was not set is not emptied, unless several changes set it.
    whole = {DRAWN: ""} if document.properties.get(DRAWN) else {}
    if removed:
        whole[REMOVALS] = marks.removals
    return FactUpdate(
        document.facts,
        {"projected": marks.projected, OWN: marks.own, "elements": fingerprints.dump(made), "partial": False, **whole},
        tuple(_steps(view, edges, new, gone, there)),
        (*record, *drop),
        lambda: {
            "projected": "",
            "elements": fingerprints.dump({**before, **made}),
            "partial": True,
            DRAWN: change_records.kept_edges(document.properties),
        },
        {DRAWN: ""},
    )


def _steps(
    view: JobView, edges: Mapping[str, Edge], new: Collection[str], gone: tuple[str, ...], there: ColumnsOf
) -> Iterator[Step]:
    """New and changed edges before those that go, so that a reader never finds a gap."""
    yield from _column_vertices(view, {end for id_ in new for end in (edges[id_].source, edges[id_].target)}, there)
    yield from (edges[id_] for id_ in new)
    if gone:
        yield DropEdges(gone)


def _column_vertices(view: JobView, wanted: Collection[str], there: ColumnsOf) -> Iterator[Step]:
    """Yields the columns at the ends of edges, where their dataset's schema does not have them anyway."""
    by_dataset: defaultdict[DatasetName, set[str]] = defaultdict(set)
    for edge in view.columns:
        by_dataset[edge.source].add(edge.source_column)
        by_dataset[edge.target].add(edge.target_column)
    for name, columns in sorted(by_dataset.items()):
        for column in sorted(columns.difference(there(name))):
            id_ = ids.column(name, column)
            if id_ in wanted:
                yield Vertex(id_, schema.COLUMN, {"name": column})
                yield column_of(name, column)


def _columns_of(edges: Iterable[str]) -> set[str]:
    """Returns the columns that column edges were between, by their ids."""
    found: set[str] = set()
    for id_ in edges:
        kind, *parts = ids.parse(id_)
        if kind == "column_edge":
            found.add(ids.make("column", *parts[:3]))
            found.add(ids.make("column", *parts[3:6]))
    return found
