"""Views recomputed from facts: what writers at once, or a crash, left behind is found and mended.

Four passes over the graph, in pages: runs and what their jobs count of them; names and who is one dataset with whom;
jobs, what their outputs heard of them and their edges; datasets, and edges that no job knows of. Each page is drawn
anew on a store for looking, and the writer is given what turned out to be wrong. On a graph that is right nothing is
written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from consumer.graph import ids, jobs, marks, model, names
from consumer.graph.around import Around
from consumer.graph.documents import Document, Documents, Draft
from consumer.graph.job_edges import JobEdges
from consumer.graph.jobs import Jobs, written
from consumer.graph.looking import Looking
from consumer.graph.members import Members
from consumer.graph.names import Names
from consumer.graph.nodes import Nodes
from consumer.graph.runs import Runs
from consumer.graph.store import Change, Direction, DropLonely, Edge, GraphStore
from consumer.graph.texts import Texts
from consumer.graph.upkeep import PAGE, Scan
from consumer.graph.writer import GraphWriter
from consumer.lineage.delta import Delta, JobFacts, JobName, NameFacts, Output, RunFacts, Written, join_written
from consumer.lineage.registers import Registers
from schemas.naming import DatasetName

_CACHED = 16 * 1024 * 1024


@dataclass(slots=True)
class Found:
    """What a reconcile looked at and did.

    Attributes:
        looked_at: How many vertices, those of names twice.
        mended: How many vertices, with what hangs on them, were written.
    """

    looked_at: int = 0
    mended: int = 0


class Reconcile:
    """A chore: brings every view of a graph to what the facts say.

    Args:
        store: The graph; others may write to it meanwhile.
        page: How many vertices are looked at in one step.
    """

    name = "reconcile"
    scope = ""

    def __init__(self, store: GraphStore, page: int = PAGE) -> None:
        self.found = Found()
        self._store = _Counting(store, self.found)
        passes: Sequence[tuple[str, str, Callable[[list[str]], None]]] = (
            ("runs", model.RUN, self._look_at_runs),
            ("names", model.NAME, self._look_at_names),
            ("jobs", model.JOB, self._look_at_jobs),
            ("datasets", model.NAME, self._look_at_datasets),
        )
        self._passes = {called: (Scan(store, label, page), look) for called, label, look in passes}

    def step(self, place: str) -> str | None:
        """Does the page after a place.

        Raises:
            TransientError: The graph can't serve now.
        """
        called, _, last = (place or "runs ").partition(" ")
        scan, look = self._passes[called]
        page = scan.after(last)
        if page:
            look(page)
            self.found.looked_at += len(page)
            return f"{called} {page[-1]}"
        order = list(self._passes)
        following = order.index(called) + 1
        return f"{order[following]} " if following < len(order) else None

    def _write(self, delta: Delta) -> None:
        GraphWriter(self._store).apply(delta)

    def _look_at_runs(self, page: list[str]) -> None:
        """Runs have their edges, and their jobs count them."""
        look = Looking(self._store)
        runs = Runs(look, _CACHED)
        # A run may have been pruned since the page was made.
        there = [run for run, known in runs.read([ids.parse(id_)[1] for id_ in page]).items() if known.stored]
        known = runs.update({run: RunFacts() for run in there})
        Jobs(look, runs, _CACHED).update({}, known)
        uncounted = {JobName(*job) for job in _parsed(look.wrong, "job")}
        wrong = {run for (run,) in _parsed(look.wrong, "run")}
        wrong |= {run for run, document in known.items() if uncounted & document.facts.jobs.keys()}
        if wrong:
            self._write(Delta(runs={run: RunFacts() for run in sorted(wrong)}))

    def _names(self) -> Documents[DatasetName, NameFacts]:
        return names.documents(self._store, Members(Texts(self._store, _CACHED)), _CACHED)

    def _look_at_names(self, page: list[str]) -> None:
        """All names of a dataset know each other, and only one of them is shown."""
        known = self._names().get(DatasetName(*ids.parse(id_)[1:]) for id_ in page)
        linked = {
            name: NameFacts(links=document.facts.links)
            for name, document in known.items()
            if document.facts.links or document.facts.members
        }
        if linked:
            self._write(Delta(names=linked))

    def _look_at_jobs(self, page: list[str]) -> None:
        """Outputs have heard what jobs say of them, and edges are what is current."""
        parts = _Parts(self._store)
        known = parts.jobs.documents.get(JobName(*ids.parse(id_)[1:]) for id_ in page)
        unheard = {output.job for output, said in written(known).items() if parts.heard(output) != said.facets}
        parts.edges.draw(list(known))
        lagging = {JobName(*job) for job in _parsed(parts.look.wrong, "job")}
        self._draw_jobs(lagging, {}, unheard)

    def _draw_jobs(
        self, lagging: Collection[JobName], strays: Mapping[JobName, Iterable[str]], also: Iterable[JobName] = ()
    ) -> None:
        """Draws jobs anew, and takes away edges at which their views don't look."""

        def distrust(job: JobName, document: Document[JobFacts]) -> Draft[JobFacts]:
            held = {**marks.load(document.properties), **dict.fromkeys(strays.get(job, ()), 0)}
            # The new revision tells whoever has the job at hand that its edges are not what they were.
            return Draft(document.facts, {"partial": True, "holds": marks.dump(held)})

        wrong = sorted({*lagging, *strays})
        if wrong:
            Documents(self._store, jobs.KIND, _CACHED).update(wrong, distrust)
        if wrong or also:
            self._write(Delta(jobs={job: JobFacts() for job in (*wrong, *also)}))

    def _look_at_datasets(self, page: list[str]) -> None:
        """Datasets show what is known under their names, and every edge at them is one that its job holds."""
        parts = _Parts(self._store)
        on_page = [DatasetName(*ids.parse(id_)[1:]) for id_ in page]
        shown = parts.names.shown_as(on_page)
        parts.nodes.draw([parts.names.group(name) for name in on_page if shown[name] == name])
        wrong = sorted(DatasetName(*dataset) for dataset in _parsed(parts.look.wrong, "dataset"))
        if wrong:
            # A greater stamp, so that nobody puts back what was drawn from older facts.
            self._names().update(wrong, lambda _, document: Draft(document.facts, {"changed": document.revision + 1}))
            self._write(Delta(names={name: NameFacts() for name in wrong}))
        at = [ids.dataset(name) for name in on_page]
        columns = {edge.source: edge.target for edge in self._store.edges_at(at, model.COLUMN_OF, "in")}
        self._draw_jobs((), self._strays(at, list(columns)))
        self._drop_lonely(columns)

    def _drop_lonely(self, columns: Mapping[str, str]) -> None:
        """Removes those columns that no schema has and no column edge needs, given with their datasets."""
        known = self._store.read(list(columns), ("in_schema",))
        free = [column for column, properties in known.items() if not properties.get("in_schema")]
        tied = {edge.source for edge in self._store.edges_at(free, model.COLUMN_EDGE, "out")}
        tied |= {edge.target for edge in self._store.edges_at(free, model.COLUMN_EDGE, "in")}
        by_name: defaultdict[DatasetName, list[str]] = defaultdict(list)
        for column in set(free) - tied:
            by_name[DatasetName(*ids.parse(columns[column])[1:])].append(column)
        self._names().update(
            sorted(by_name),
            lambda name, document: Draft(
                document.facts, {}, (DropLonely(tuple(by_name[name]), "in_schema", model.COLUMN_EDGE),), changed=False
            ),
        )

    def _strays(self, at: list[str], columns: list[str]) -> dict[JobName, list[str]]:
        """Edges at datasets and columns that their jobs don't hold, by job."""
        places: tuple[tuple[list[str], str, Direction], ...] = (
            (at, model.READS, "out"),
            (at, model.WRITES, "in"),
            (at, model.EDGE, "out"),
            (columns, model.COLUMN_EDGE, "out"),
            (columns, model.COLUMN_EDGE, "in"),  # SQLite lets an edge begin at a column that was dropped
        )
        by_job: defaultdict[str, list[str]] = defaultdict(list)
        for where, label, direction in places:
            for edge in self._store.edges_at(where, label, direction):
                by_job[_job_of(edge)].append(edge.id)
        # Read after the edges: a job notes what it makes no later than it makes it.
        held = self._store.read(list(by_job), ("holds",))
        strays = {job: set(of_one) - marks.load(held[job]).keys() for job, of_one in by_job.items() if job in held}
        return {JobName(*ids.parse(job)[1:]): sorted(of_one) for job, of_one in strays.items() if of_one}


class _Counting(Around):
    """A store that counts what is written to it, by vertex."""

    def __init__(self, store: GraphStore, found: Found) -> None:
        super().__init__(store)
        self._found = found

    def write(self, changes: Sequence[Change]) -> set[str]:
        failed = super().write(changes)
        self._found.mended += len({change.owner.id for change in changes} - failed)
        return failed


class _Parts:
    """What draws the views, on a store for looking."""

    def __init__(self, store: GraphStore) -> None:
        self.look = Looking(store)
        texts = Texts(self.look, _CACHED)
        self.jobs = Jobs(self.look, Runs(self.look, _CACHED), _CACHED)
        self.names = Names(self.look, texts, _CACHED)
        self.nodes = Nodes(self.look, self.names, texts, _CACHED)
        self.edges = JobEdges(self.look, self.jobs.documents, self.names, self.nodes, texts)

    def heard(self, output: Output) -> Registers:
        """What the names of a dataset know of what a job says of it."""
        said: dict[Output, Written] = {}
        for facts in self.names.facts([self.names.group(output.name)])[0].values():
            said = join_written(said, facts.written)
        return said[output].facets if output in said else {}


def _parsed(found: Iterable[str], kind: str) -> set[tuple[str, ...]]:
    """The parts of those ids that are of a kind."""
    return {tuple(parts) for of_one, *parts in map(ids.parse, found) if of_one == kind}


def _job_of(edge: Edge) -> str:
    if edge.label == model.READS:
        return edge.target
    return edge.source if edge.label == model.WRITES else str(edge.properties["job"])
