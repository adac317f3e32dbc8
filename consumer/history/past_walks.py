"""The edges of a moment for a walk along lineage, at a cost that is near that of the present ones.

The edges of a job that is what it was at the moment are read where the present ones are. Others are drawn from the runs
of their jobs. Datasets that were ever linked, dropped or renamed, or that an exposure used, are drawn with all jobs
that gave their names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

from consumer.graph import ids, schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.store import Direction, Edge, GraphStore
from consumer.history.neighbourhood_past import NeighbourhoodPast
from consumer.history.plain_jobs import PlainJobs
from consumer.lineage.facts.keys import JobName
from consumer.lineage.facts.settled import Settled
from consumer.projection.datasets import column_of
from consumer.projection.history.past_letters import EXPOSED, FORMER, PAST, STATED, TIED
from consumer.projection.jobs import OPEN, SETTLED
from schemas.naming import DatasetName

_WALKED: Final = frozenset({schema.EDGE, schema.COLUMN_EDGE, schema.COLUMN_OF})


class PastWalks(DelegatingStore):
    """A graph at a moment, of which the edges between datasets, and between columns, are read with little effort.

    A column that a dataset had before or after the moment may be among its columns, without edges.

    Args:
        past: The graph at the moment.
        graph: The graph.
        time: The moment.
        near: Returns what is drawn of jobs and their datasets at the moment.
    """

    def __init__(self, past: GraphStore, graph: GraphStore, time: str, near: Callable[[], NeighbourhoodPast]) -> None:
        super().__init__(past)
        self._graph = graph
        self._time = time
        self._near = near
        self._plain_jobs = PlainJobs(graph, time)
        self._alone: set[str] = set()
        self._edges_of: dict[str, Sequence[Edge]] = {}
        self._gave: dict[str, set[str]] = {}
        self._letters: dict[str, str] = {}
        self._holds: dict[str, bool] = {}

    @property
    def known_since(self) -> str:
        """The moment since when all is known of the jobs whose edges were drawn; empty if no run was pruned."""
        return self._plain_jobs.known_since

    def edges_at(self, ids_: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        if label not in _WALKED:
            return super().edges_at(ids_, label, direction)
        names = {id_: _name_of(id_) for id_ in ids_ if id_.partition("/")[0] in {"dataset", "column"}}
        self._read_letters(names.values())
        plain = {id_: name for id_, name in names.items() if not self._has(name, TIED, EXPOSED)}
        others = [id_ for id_ in ids_ if id_ not in plain]
        found = super().edges_at(others, label, direction) if others else []
        return [*found, *self._edges(plain, label, direction)] if plain else found

    def _edges(self, plain: dict[str, str], label: str, direction: Direction) -> Iterator[Edge]:
        at = list(plain)
        # No exposure used these datasets by then, whatever uses them now.
        now = [
            edge
            for edge in self._graph.edges_at(at, label, direction)
            if label != schema.EDGE or "job" in edge.properties
        ]
        jobs = {str(edge.properties["job"]) for edge in now if "job" in edge.properties}
        # Each other job that ever gave one of these names gives it now as it always did.
        former = sorted({name for name in plain.values() if self._has(name, FORMER, STATED)})
        changed = self._changed(jobs | self._jobs_that_gave(former)) if jobs or former else set[str]()
        if label == schema.COLUMN_OF:
            yield from now
            yield from self._columns(changed, at, {edge.id for edge in now})
            return
        yield from (edge for edge in now if edge.properties["job"] not in changed)
        yield from (edge for edge in self._drawn(changed) if edge.label == label and _near(edge, direction) in plain)

    def _drawn(self, jobs: Collection[str]) -> Iterator[Edge]:
        """Yields the edges of jobs at the moment, drawn from their runs."""
        new = {job: ids.job_name(job) for job in jobs if job not in self._edges_of}
        plain = {name for job, name in new.items() if job in self._alone}
        others = set(new.values()) - plain
        drawn: dict[JobName, Sequence[Edge]] = dict(self._plain_jobs.edges(plain)) if plain else {}
        if others:
            near = self._near()
            near.show_jobs(others)
            drawn |= near.edges_of(others)
        self._edges_of.update((job, drawn[name]) for job, name in new.items())
        for job in jobs:
            yield from self._edges_of[job]

    def _columns(self, jobs: Collection[str], at: Collection[str], known: Collection[str]) -> Iterator[Edge]:
        """Yields the columns of datasets that drawn edges have, but for those that are known."""
        found: dict[str, Edge] = {}
        for edge in self._drawn(jobs):
            for column in (edge.source, edge.target) if edge.label == schema.COLUMN_EDGE else ():
                of_column = column_of(DatasetName(*ids.parse(column)[1:3]), ids.parse(column)[3])
                if of_column.id not in known and (of_column.target in at or column in at):
                    found[of_column.id] = of_column
        yield from found.values()

    def _jobs_that_gave(self, names: Collection[str]) -> set[str]:
        """Returns the jobs of which a run or a statement ever gave some names."""
        new = [name for name in names if name not in self._gave]
        if new:
            self._gave.update((name, set()) for name in new)
            for edge in self._graph.edges_at(new, schema.NAMED, "in"):
                self._gave[edge.target].add(edge.source)
            self._add_stated([name for name in new if self._has(name, STATED)])
        return set[str]().union(*(self._gave[name] for name in names))

    def _add_stated(self, names: Collection[str]) -> None:
        said = self._graph.edges_at(names, schema.STATED, "in") if names else []
        jobs: defaultdict[str, set[str]] = defaultdict(set)
        for edge in self._graph.edges_at(sorted({edge.source for edge in said}), schema.STATED, "out") if said else ():
            if edge.target.startswith("job/"):
                jobs[edge.source].add(edge.target)
        for edge in said:
            self._gave[edge.target] |= jobs[edge.source]

    def _changed(self, jobs: Collection[str]) -> set[str]:
        """Returns those of some jobs that may not have been what they are now."""
        new = [job for job in jobs if job not in self._holds]
        known = self._graph.read(new, (SETTLED, OPEN)) if new else {}
        for job in new:
            one = known.get(job, {})
            settled = Settled.parse(one.get(SETTLED))
            self._holds[job] = not one.get(OPEN) and settled.holds(self._time)
            if not settled.is_never:
                self._alone.add(job)
        return {job for job in jobs if not self._holds[job]}

    def _read_letters(self, names: Iterable[str]) -> None:
        new = sorted({name for name in names if name not in self._letters})
        known = self._graph.read(new, (PAST,)) if new else {}
        self._letters.update((name, str(known.get(name, {}).get(PAST) or "")) for name in new)

    def _has(self, name: str, *letters: str) -> bool:
        known = self._letters[name]
        return any(letter in known for letter in letters) if known else False


def _near(edge: Edge, direction: Direction) -> str:
    return edge.target if direction == "in" else edge.source


def _name_of(id_: str) -> str:
    """Returns the id of the name under which a dataset, or that of a column, is shown."""
    _, namespace, name, *_ = id_.split("/")
    return f"name/{namespace}/{name}"
