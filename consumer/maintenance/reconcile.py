"""Reconcile: recomputes projections from facts, and repairs those that a crash or damage left different.

Four passes over the graph, in pages: runs and their edges; jobs and the projections of their runs; names, the
projections of outputs, and the vertices of datasets; the edges of jobs. A consistent graph is not modified.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from consumer.graph import format_version, ids, schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.store import Change, Direction, DropOrphans, Edge, GraphStore, Properties
from consumer.lineage.facts.delta import JobFacts, NameFacts
from consumer.lineage.facts.keys import JobName
from consumer.lineage.identity import IdentityRules
from consumer.maintenance.diff_store import DiffStore
from consumer.maintenance.leased_task import PAGE, RECONCILE, Scan
from consumer.projection import change_records, exposure_edges, fingerprints
from consumer.projection.alias_sets import NameDocuments
from consumer.projection.blobs import BlobStore
from consumer.projection.change_records import DRAWN
from consumer.projection.documents.fact_document import FactUpdate
from consumer.projection.documents.relied import Relied
from consumer.projection.graph_writer import Cached, GraphWriter
from consumer.projection.history import statements
from consumer.projection.jobs import JobDocuments
from schemas.naming import DatasetName

MIB = 1 << 20
_CACHED = Cached(runs=4 * MIB, jobs=8 * MIB, names=8 * MIB, texts=2 * MIB, sources=2 * MIB)


@dataclass(slots=True)
class ReconcileResult:
    """Result of a reconcile.

    Attributes:
        examined: Number of examined vertices.
        repaired: Number of vertices that were written, with their edges.
    """

    examined: int = 0
    repaired: int = 0


class Reconcile:
    """Maintenance job that makes every projection of a graph equal to its facts.

    Args:
        store: The graph; others may write to it meanwhile.
        rules: Which names are one dataset by configuration. The graph is brought to these rules, also if it was written
            under others; a reconcile that was interrupted under other rules starts again.
        page: Number of vertices in a step.
    """

    name = RECONCILE

    def __init__(self, store: GraphStore, rules: IdentityRules, page: int = PAGE) -> None:
        self.result = ReconcileResult()
        self.scope = rules.digest
        self._rules = rules
        # An older version may have begun one that is resumed.
        self._is_whole = False
        self._known_indexed: bool | None = None
        self._graph = store
        self._store = _Counting(store, self.result)
        passes: Sequence[tuple[str, str, Callable[[list[str]], None]]] = (
            ("runs", schema.RUN, self._repair_runs),
            ("jobs", schema.JOB, self._repair_job_facts),
            ("datasets", schema.NAME, self._repair_names),
            ("edges", schema.JOB, self._repair_edges),
            ("outputs", schema.OUTPUT, self._migrate_outputs),
            ("groups", schema.GROUP, self._migrate_groups),
            ("statements", schema.STATEMENT, self._tie_statements),
            ("streamed", schema.RUN_DATASET, self._migrate_run_datasets),
        )
        self._passes = {called: (Scan(store, label, page), differ) for called, label, differ in passes}

    def step(self, checkpoint: str) -> str | None:
        """Does the page after a checkpoint.

        Raises:
            TransientError: The graph can't serve now.
        """
        self._is_whole = self._is_whole or not checkpoint
        called, _, last = (checkpoint or "runs ").partition(" ")
        scan, differ = self._passes[called]
        page = scan.after(last)
        if page:
            differ(page)
            self.result.examined += len(page)
            return f"{called} {page[-1]}"
        order = list(self._passes)
        following = order.index(called) + 1
        if following < len(order):
            return f"{order[following]} "
        if self._is_whole and not self._is_indexed:
            self._graph.write([format_version.index_mark()])
        return None

    @property
    def _is_indexed(self) -> bool:
        # A cached property of Python 3.11 would have one reconcile of the process wait for what another one reads.
        if self._known_indexed is None:
            self._known_indexed = format_version.is_indexed(self._graph)
        return self._known_indexed

    def _writer(self) -> GraphWriter:
        return GraphWriter(self._store, _CACHED, self._rules)

    def _repair_runs(self, page: list[str]) -> None:
        """Repairs the edges of runs, and migrates runs to this version's format."""
        runs = self._writer().runs
        keys = [ids.run_key(id_) for id_ in page]
        runs.documents.migrate(keys)
        runs.tie(keys)
        runs.name(keys)

    def _tie_statements(self, page: list[str]) -> None:
        """Repairs the edges of statements."""
        statements.tie(self._store, BlobStore(self._store, _CACHED.texts), page)
        if not self._is_indexed:
            self._writer().settling.index_statements(page)

    def _repair_job_facts(self, page: list[str]) -> None:
        """Repairs jobs, their outputs and groups from their runs, and migrates jobs to this version's format."""
        jobs = self._writer().jobs
        jobs.documents.migrate([ids.job_name(id_) for id_ in page])
        jobs.recount([ids.job_name(id_) for id_ in page])

    def _migrate_outputs(self, page: list[str]) -> None:
        """Migrates outputs to this version's format."""
        self._writer().jobs.outputs.migrate([ids.output_key(id_) for id_ in page])

    def _migrate_groups(self, page: list[str]) -> None:
        """Migrates groups to this version's format."""
        self._writer().jobs.groups.migrate([ids.group_key(id_) for id_ in page])

    def _migrate_run_datasets(self, page: list[str]) -> None:
        """Migrates the datasets of streaming runs to this version's format."""
        self._writer().runs.datasets_apart.migrate([ids.run_dataset_key(id_) for id_ in page])

    def _repair_names(self, page: list[str]) -> None:
        """Repairs names from outputs, and datasets from the facts under their names."""
        names = [ids.dataset_name(id_) for id_ in page]
        writer = self._writer()
        writer.names.documents.migrate(names)
        writer.names.repair(names)
        diff = DiffStore(self._store)
        differ = GraphWriter(diff, _CACHED, self._rules)
        identity = differ.nodes.identity(names, Relied(self._store))
        differ.nodes.draw(identity, Relied(self._store), lambda _: "")
        stale = {DatasetName(*parts) for parts in _parse_ids(diff.stale, "name")}
        known = writer.names.documents.get(identity.placements)
        there = self._store.read([ids.dataset(name) for name in known], ("name", "columns"))
        stale |= {name for name, shown in identity.shown.items() if name != shown and ids.dataset(name) in there}

        strays = self._stray_exposures(names, known)
        stale |= strays.keys()

        def distrust(found: NameDocuments) -> Iterable[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name, document in found.items():
                listed = exposure_edges.listing(document.properties, strays.get(name, ()))
                kept = _kept_columns(document.properties, there.get(ids.dataset(name)))
                yield name, FactUpdate(document.facts, {"partial": True, DRAWN: kept, **listed})

        if stale:
            writer.names.documents.update(sorted(stale), distrust)
        writer.project(set(), set(names))
        # Now that links which configuration makes have been completed, also those of the other names.
        writer.settling.index_names({*names, *identity.placements}, is_indexed=self._is_indexed)
        at = [ids.dataset(name) for name in names]
        columns = {edge.source: edge.target for edge in self._store.edges_at(at, schema.COLUMN_OF, "in")}
        self._repair_jobs((), self._strays(at, list(columns)))
        self._drop_orphans(columns)

    def _repair_edges(self, page: list[str]) -> None:
        """Repairs the edges of jobs from their current runs."""
        diff = DiffStore(self._store)
        differ = GraphWriter(diff, _CACHED, self._rules)
        differ.edges.draw([ids.job_name(id_) for id_ in page], Relied(self._store))
        self._repair_jobs({JobName(*parts) for parts in _parse_ids(diff.stale, "job")}, {})

    def _repair_jobs(self, stale: Iterable[JobName], strays: Mapping[JobName, Iterable[str]]) -> None:
        """Projects the edges of jobs again, and removes edges that their projections do not list."""

        def distrust(found: JobDocuments) -> Iterable[tuple[JobName, FactUpdate[JobFacts]]]:
            for job, document in found.items():
                listed = {**fingerprints.load(document.properties), **dict.fromkeys(strays.get(job, ()), 0)}
                kept = change_records.kept_edges(document.properties)
                yield (
                    job,
                    FactUpdate(document.facts, {"partial": True, DRAWN: kept, "elements": fingerprints.dump(listed)}),
                )

        jobs = {*stale, *strays}
        if jobs:
            writer = self._writer()
            writer.jobs.documents.update(sorted(jobs), distrust)
            writer.project(jobs, set())

    def _drop_orphans(self, columns: Mapping[str, str]) -> None:
        """Removes columns that are in no schema and have no column edge, given with their datasets."""
        known = self._store.read(list(columns), ("in_schema",))
        free = [column for column, properties in known.items() if not properties.get("in_schema")]
        tied = {edge.source for edge in self._store.edges_at(free, schema.COLUMN_EDGE, "out")}
        tied |= {edge.target for edge in self._store.edges_at(free, schema.COLUMN_EDGE, "in")}
        by_name: defaultdict[DatasetName, list[str]] = defaultdict(list)
        for column in set(free) - tied:
            by_name[ids.dataset_name(columns[column])].append(column)

        def drop(found: NameDocuments) -> Iterable[tuple[DatasetName, FactUpdate[NameFacts]]]:
            for name, document in found.items():
                lonely = DropOrphans(tuple(by_name[name]), "in_schema", schema.COLUMN_EDGE)
                yield name, FactUpdate(document.facts, {}, (), (lonely,))

        if by_name:
            self._writer().names.documents.update(sorted(by_name), drop)

    def _stray_exposures(self, names: Iterable[DatasetName], known: NameDocuments) -> dict[DatasetName, list[str]]:
        """Edges from datasets to exposures that the documents of the names do not list, by name."""
        by_id = {ids.dataset(name): name for name in names}
        found: defaultdict[DatasetName, list[str]] = defaultdict(list)
        for edge in self._store.edges_at(list(by_id), schema.EDGE, "out"):
            name = by_id[edge.source]
            if "job" not in edge.properties and edge.id not in exposure_edges.made(known[name].properties):
                found[name].append(edge.id)
        return found

    def _strays(self, at: list[str], columns: list[str]) -> dict[JobName, list[str]]:
        """Returns edges at datasets and columns that their jobs' projections do not list, by job."""
        places: tuple[tuple[list[str], str, Direction], ...] = (
            (at, schema.READS, "out"),
            (at, schema.WRITES, "in"),
            (at, schema.EDGE, "out"),
            (columns, schema.COLUMN_EDGE, "out"),
        )
        by_job: defaultdict[str, list[str]] = defaultdict(list)
        for where, label, direction in places:
            for edge in self._store.edges_at(where, label, direction):
                if label != schema.EDGE or "job" in edge.properties:
                    by_job[_job_of(edge)].append(edge.id)
        # Read after the edges: a job lists an element no later than it creates it.
        listed = self._store.read(list(by_job), ("elements",))
        strays = {
            job: set(of_one) - fingerprints.load(listed[job]).keys() for job, of_one in by_job.items() if job in listed
        }
        return {ids.job_name(job): sorted(of_one) for job, of_one in strays.items() if of_one}


class _Counting(DelegatingStore):
    """Store that counts the vertices that are written to another."""

    def __init__(self, store: GraphStore, found: ReconcileResult) -> None:
        super().__init__(store)
        self._result = found

    def write(self, changes: Sequence[Change]) -> set[str]:
        failed = super().write(changes)
        self._result.repaired += len({change.owner.id for change in changes} - failed)
        return failed


def _kept_columns(document: Properties, dataset: Properties | None) -> str:
    """Returns the columns that were shown of a dataset; empty where its vertex is gone, which no event reported."""
    if document.get("projected") and dataset is None:
        return ""
    columns = None if dataset is None else dataset.get("columns")
    return change_records.kept_columns(change_records.shown_columns(document, columns))


def _parse_ids(found: Iterable[str], kind: str) -> set[tuple[str, ...]]:
    """Returns the parts of the ids of a kind."""
    return {tuple(parts) for of_one, *parts in map(ids.parse, found) if of_one == kind}


def _job_of(edge: Edge) -> str:
    if edge.label == schema.READS:
        return edge.target
    return edge.source if edge.label == schema.WRITES else str(edge.properties["job"])
