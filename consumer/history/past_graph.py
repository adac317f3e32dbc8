"""The graph of a moment as a store that is only read, so that every question can be asked of the past.

What is asked of some vertices is answered from what is known around them; what is asked of all, from the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Final

import orjson

from consumer.errors import RefusedWrite
from consumer.graph import format_version, ids, schema
from consumer.graph.identity_rules import stored_rules
from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties, Vertex, selected
from consumer.graph.walks.id_graph import IdGraph, of_store
from consumer.history.latest_vertices import latest_of_all
from consumer.history.neighbourhood_past import NeighbourhoodPast
from consumer.history.past_facts import past_facts
from consumer.history.past_walks import PastWalks
from consumer.history.whole_past import WholePast, shows_end
from consumer.lineage.facts.keys import JobName, RunKey
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.projection.history import statements
from schemas.counted import counted
from schemas.naming import DatasetName

_RUNS: Final = frozenset({"run", "run_dataset"})
_OF_DATASETS: Final = frozenset({"dataset", "name", "column"})
_DRAWN: Final = frozenset(
    {schema.EDGE, schema.READS, schema.WRITES, schema.COLUMN_EDGE, schema.COLUMN_OF, schema.NAMES}
)
"""Edges that are drawn with the datasets or jobs at their ends."""

_OF_RUNS: Final = frozenset({schema.RUN_OF, schema.CHILD_OF, schema.RUN_DATASET_OF})
"""Edges at runs."""


class PastGraph:
    """A graph as it was at a moment: equal to one that holds nothing but the events that had happened by then.

    Args:
        graph: The graph.
        time: The moment, as events have it.
        rules: Which names are one dataset by configuration of the graph; those that the graph has if None.

    Attributes:
        time: The moment.
    """

    def __init__(self, graph: GraphStore, time: str, rules: IdentityRules | None) -> None:
        self.time = time
        self._graph = graph
        self._given_rules = rules
        self._is_indexed = format_version.is_indexed(graph)
        self._near: NeighbourhoodPast | None = None
        self._drawn: WholePast | None = None
        self._jobs: NeighbourhoodPast | None = None
        self._walks: PastWalks | None = None

    @cached_property
    def _rules(self) -> IdentityRules:
        """The rules, which a walk along jobs without linked names does not need."""
        return self._given_rules if self._given_rules is not None else stored_rules(self._graph) or NO_RULES

    @property
    def known_since(self) -> str:
        """The moment since when all is known of what was asked for so far; empty if nothing of it was pruned."""
        if self._drawn is not None or not self._is_indexed:
            return self._whole().known_since
        parts = [part.known_since for part in (self._near, self._jobs, self._walks) if part is not None]
        return max([statements.pruned_until(self._graph), *parts])

    @property
    def is_incomplete(self) -> bool:
        """True if a prune has removed runs that may have been current at the moment."""
        return self.time < self.known_since

    def read(self, ids_: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices by id."""
        records = [id_ for id_ in ids_ if _kind(id_) == "change"]
        others = [id_ for id_ in ids_ if _kind(id_) != "change"] if records else ids_
        # A graph that is drawn for the moment has records of its own.
        found = self._graph.read(records, keys) if records else {}
        return {**found, **self._read(others, keys)} if others else found

    def _read(self, ids_: Collection[str], keys: Sequence[str]) -> dict[str, Properties]:
        near = self._prepared([id_ for id_ in ids_ if not self._has_exposure(id_)])
        if near is None:
            return self._whole().read(ids_, keys)
        of_runs = [id_ for id_ in ids_ if _kind(id_) in _RUNS]
        streaming = self._streaming(near, of_runs)
        kept = [id_ for id_ in ids_ if _kind(id_) in {"facet", "task"}]
        drawn = [id_ for id_ in ids_ if _kind(id_) in {*_OF_DATASETS, "job", "exposure"} or id_ in streaming]
        found = dict(near.memory.read(drawn, keys)) if drawn else {}
        found |= self._texts(kept, keys)
        return found | self._of_finite([id_ for id_ in of_runs if id_ not in streaming], keys)

    def _of_finite(self, places: Collection[str], keys: Sequence[str]) -> dict[str, Properties]:
        """Returns the properties of runs that had ended, and of what runs that are no streams have apart."""
        found: dict[str, Properties] = {}
        for id_, properties in (self._graph.read(places) if places else {}).items():
            if _kind(id_) != "run" or shows_end(properties, self.time):
                found[id_] = selected(properties, keys)
        return found

    def _texts(self, kept: Collection[str], keys: Sequence[str]) -> dict[str, Properties]:
        """Reads texts; what several drawn runs share, and runs of the graph do not, is in memory alone."""
        found = dict(self._graph.read(kept, keys)) if kept else {}
        drawn: list[GraphStore] = [self._near.memory] if self._near is not None else []
        drawn += [self._drawn] if self._drawn is not None else []
        for part in drawn:
            lacking = [id_ for id_ in kept if id_ not in found]
            found |= part.read(lacking, keys) if lacking else {}
        return found

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Refuses.

        Raises:
            RefusedWrite: Always.
        """
        raise RefusedWrite(
            f"the graph as of {self.time} is read-only, so {counted(len(changes), 'change')} can't be written to it: "
            "write to the graph itself"
        )

    def edges_at(self, ids_: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        if direction == "out":
            # No edge leaves an exposure.
            ids_ = [id_ for id_ in ids_ if _kind(id_) != "exposure"]
        if label == schema.CHANGE_OF:
            # The id of a record begins with its time.
            records = self._graph.edges_at(ids_, label, direction)
            return [edge for edge in records if ids.parse(edge.source)[1] <= self.time]
        near = self._prepared(ids_) if label in {*_DRAWN, *_OF_RUNS} else None
        if near is None:
            return self._whole().edges_at(ids_, label, direction)
        if label == schema.RUN_DATASET_OF:
            return self._apart(near, ids_, direction)
        if label in _DRAWN:
            return near.memory.edges_at(ids_, label, direction)
        edges = self._graph.edges_at(ids_, label, direction)
        if label == schema.CHILD_OF:
            edges = self._of_parents(near, edges, ids_, direction)
        there = self.read([edge.source for edge in edges], ("state",))
        return [edge for edge in edges if edge.source in there]

    def _of_parents(
        self, near: NeighbourhoodPast, edges: Sequence[Edge], runs: Collection[str], direction: Direction
    ) -> list[Edge]:
        """Returns the edges to parents: of streaming runs those that had been stated by then, of others as they are."""
        asked = runs if direction == "out" else [edge.source for edge in edges]
        streaming = self._streaming(near, asked)
        drawn = near.memory.edges_at(runs, schema.CHILD_OF, direction) if streaming else []
        finite = [edge for edge in edges if edge.source not in streaming]
        return [*finite, *(edge for edge in drawn if edge.source in streaming)]

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        return latest_of_all(self, ids, label, until, count, keys)

    def _apart(self, near: NeighbourhoodPast, runs: Collection[str], direction: Direction) -> list[Edge]:
        """Returns the edges of what runs have apart: of streams as it was then, of others as it is."""
        streaming = self._streaming(near, runs)
        of_streams = near.memory.edges_at(sorted(streaming), schema.RUN_DATASET_OF, direction) if streaming else []
        finite = [id_ for id_ in runs if id_ not in streaming]
        return [*of_streams, *(self._graph.edges_at(finite, schema.RUN_DATASET_OF, direction) if finite else ())]

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given one."""
        return self._whole().ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        return self._whole().vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        return self._whole().edges(label)

    def datasets_called(self, fits: Callable[[DatasetName], bool]) -> Iterator[Vertex]:
        """Yields the vertices of datasets that have a name of which a condition holds."""
        if not self._is_indexed:
            yield from self._whole().vertices(schema.NODE)
            return
        near = self._neighbourhood()
        found: set[DatasetName] = set()
        for label in (schema.NODE, schema.NAME):
            for vertex in self._graph.vertices(label):
                found.update(name for name in _names_of(vertex) if fits(name))
        near.show(found)
        # Of exposures not all are there.
        yield from (vertex for vertex in near.memory.vertices(schema.NODE) if "kind" not in vertex.properties)

    def for_walks(self) -> AbstractContextManager[IdGraph]:
        """Returns the form of the graph for a walk along lineage, which needs little of each dataset."""
        if self._is_indexed and self._walks is None:
            self._walks = PastWalks(self, self._graph, self.time, self._single_jobs)
        return nullcontext(of_store(self._walks or self))

    def _single_jobs(self) -> NeighbourhoodPast:
        if self._jobs is None:
            self._jobs = NeighbourhoodPast(self._graph, self.time, self._rules, only_jobs=True)
        return self._jobs

    def _neighbourhood(self) -> NeighbourhoodPast:
        if self._near is None:
            self._near = NeighbourhoodPast(self._graph, self.time, self._rules)
        return self._near

    def close(self) -> None:
        """Closes what is in memory, not the graph."""
        if self._jobs is not None:
            self._jobs.close()
        if self._near is not None:
            self._near.close()
        if self._drawn is not None:
            self._drawn.close()

    def _whole(self) -> WholePast:
        if self._drawn is None:
            facts = past_facts(self._graph, self.time, self._rules)
            self._drawn = WholePast(self._graph, self.time, facts, self._rules)
        return self._drawn

    def _has_exposure(self, id_: str) -> bool:
        """True if a dataset that was drawn is used by an exposure, so that it was there."""
        return _kind(id_) == "exposure" and self._near is not None and bool(self._near.memory.read([id_], ("kind",)))

    @property
    def is_whole(self) -> bool:
        """True if something was asked for that has made it draw the whole graph."""
        return self._drawn is not None

    def _prepared(self, ids_: Collection[str]) -> NeighbourhoodPast | None:
        """Returns the neighbourhood with vertices drawn; None where the whole graph has to be."""
        kinds = {_kind(id_) for id_ in ids_}
        if not self._is_indexed or not kinds <= {*_OF_DATASETS, *_RUNS, "job", "facet", "task"}:
            return None
        near = self._neighbourhood()
        parts = [(_kind(id_), ids.parse(id_)[1:]) for id_ in ids_ if _kind(id_) in {*_OF_DATASETS, "job"}]
        near.show({DatasetName(*name[:2]) for kind, name in parts if kind != "job"})
        near.show_jobs({JobName(*name) for kind, name in parts if kind == "job"})
        return near

    @staticmethod
    def _streaming(near: NeighbourhoodPast, places: Collection[str]) -> set[str]:
        """Returns those of some runs, and of what runs have apart, that are of streams; draws their jobs."""
        runs = {id_: ids.run_key(id_) if _kind(id_) == "run" else ids.run_dataset_key(id_)[0] for id_ in places}
        streaming = near.streaming_of({run.job for run in runs.values()}) if runs else set[RunKey]()
        near.show_jobs({run.job for run in runs.values() if run in streaming})
        return {id_ for id_, run in runs.items() if run in streaming}


def _kind(id_: str) -> str:
    return id_.partition("/")[0]


def _names_of(vertex: Vertex) -> Iterator[DatasetName]:
    """Yields the names of a dataset, or the one of a name."""
    if "name" in vertex.properties and "kind" not in vertex.properties:
        yield DatasetName(str(vertex.properties["namespace"]), str(vertex.properties["name"]))
    aliases = vertex.properties.get("aliases")
    yield from (DatasetName(*alias) for alias in orjson.loads(str(aliases))) if aliases else ()


def as_of(graph: GraphStore, time: str, rules: IdentityRules | None = None) -> PastGraph:
    """Makes the graph of a moment.

    Args:
        graph: The graph; closed by the caller, after the answer.
        time: The moment, as events have it (`schemas.timestamps`).
        rules: Which names are one dataset by configuration; those of the graph if None.

    Raises:
        TransientError: The store can't serve now.
    """
    return PastGraph(graph, time, rules)
