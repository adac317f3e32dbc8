"""The whole graph of a moment, drawn in memory from all runs and statements of that time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

from consumer.graph import ids, schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Direction, Edge, GraphStore, Properties, Vertex, selected
from consumer.history.latest_vertices import latest_of_all
from consumer.history.past_facts import Past
from consumer.lineage.facts.run_state import RANKS, TERMINAL
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_writer import GraphWriter

_RUNS: Final = frozenset({schema.RUN_OF, schema.CHILD_OF})
_KEPT: Final = frozenset({"facet", "task"})
"""Kinds of vertices that do not depend on a moment, and are read from the graph itself."""


class Drawing(DelegatingStore):
    """The store in memory, with the long values of the graph itself."""

    def __init__(self, drawn: GraphStore, graph: GraphStore) -> None:
        super().__init__(drawn)
        self._graph = graph

    def read(self, ids_: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices, by id."""
        kept = [id_ for id_ in ids_ if id_.partition("/")[0] in _KEPT]
        drawn = [id_ for id_ in ids_ if id_.partition("/")[0] not in _KEPT]
        found = self._graph.read(kept, keys) if kept else {}
        # The facts that several of the drawn runs share may be in memory alone.
        drawn += [id_ for id_ in kept if id_ not in found]
        return found | (self._store.read(drawn, keys) if drawn else {})


class WholePast(Drawing):
    """A graph as it was at a moment: equal to one that holds nothing but the events that had happened by then.

    Args:
        graph: The graph.
        time: The moment, as events have it.
        past: What was known then.
        rules: Which names are one dataset by configuration.

    Attributes:
        time: The moment.
        known_since: The moment since when all is known, as a prune has removed older runs; empty if none has.
    """

    def __init__(self, graph: GraphStore, time: str, past: Past, rules: IdentityRules) -> None:
        self._memory = SqliteStore(Path(":memory:"))
        super().__init__(self._memory, graph)
        self.time = time
        self.known_since = past.known_since
        self._streaming = frozenset(map(ids.run, past.streaming))
        GraphWriter(Drawing(self._memory, graph), rules=rules).apply(past.facts)

    def read(self, ids_: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices, by id."""
        runs = [id_ for id_ in ids_ if self._is_finite(id_)]
        apart = [id_ for id_ in ids_ if self._is_apart(id_)]
        in_graph = {*runs, *apart}
        found = super().read([id_ for id_ in ids_ if id_ not in in_graph], keys)
        found |= self._graph.read(apart, keys) if apart else {}
        known = self._graph.read(runs) if runs else {}
        for id_, properties in known.items():
            if shows_end(properties, self.time):
                found[id_] = selected(properties, keys)
        return found

    def edges_at(self, ids_: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        if label == schema.RUN_DATASET_OF:
            finite = [id_ for id_ in ids_ if self._is_finite(id_)]
            drawn = super().edges_at([id_ for id_ in ids_ if not self._is_finite(id_)], label, direction)
            return [*drawn, *(self._graph.edges_at(finite, label, direction) if finite else ())]
        if label not in _RUNS:
            return super().edges_at(ids_, label, direction)
        of_parents = super().edges_at(ids_, label, direction) if label == schema.CHILD_OF else None
        return list(self._of_runs(self._graph.edges_at(ids_, label, direction), of_parents))

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        return latest_of_all(self, ids, label, until, count, keys)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given one."""
        if label != schema.RUN:
            return super().ids(label, after, count)
        found: list[str] = []
        while len(found) < count and (page := self._graph.ids(label, after, count)):
            there = self.read(page, ("state",))
            found += [id_ for id_ in page if id_ in there]
            after = page[-1]
        return found[:count]

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        if label == schema.RUN_DATASET:
            yield from self._apart()
            return
        if label != schema.RUN:
            yield from super().vertices(label)
            return
        for vertex in self._graph.vertices(label):
            if self._is_finite(vertex.id) and shows_end(vertex.properties, self.time):
                yield vertex
        for vertex in self._memory.vertices(label):
            if vertex.id in self._streaming:
                yield vertex

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        if label in _RUNS:
            of_parents = list(super().edges(label)) if label == schema.CHILD_OF else None
            yield from self._of_runs(list(self._graph.edges(label)), of_parents)
        else:
            yield from super().edges(label)

    def close(self) -> None:
        """Closes what is in memory, not the graph."""
        self._memory.close()

    def _apart(self) -> Iterator[Vertex]:
        """Yields what runs have apart: of streams as it was then, of others as it is, like the runs themselves."""
        yield from self._memory.vertices(schema.RUN_DATASET)
        yield from (vertex for vertex in self._graph.vertices(schema.RUN_DATASET) if self._is_apart(vertex.id))

    def _is_apart(self, id_: str) -> bool:
        """True for what a run has apart that was no stream."""
        return id_.partition("/")[0] == "run_dataset" and self._is_finite(ids.run(ids.run_dataset_key(id_)[0]))

    def _is_finite(self, id_: str) -> bool:
        return id_.partition("/")[0] == "run" and id_ not in self._streaming

    def _of_runs(self, edges: Sequence[Edge], drawn: Sequence[Edge] | None) -> Iterator[Edge]:
        """Yields the edges of runs that were there: to their parents, of streaming runs, those that were drawn."""
        if drawn is not None:
            finite = [edge for edge in edges if edge.source not in self._streaming]
            edges = [*finite, *(edge for edge in drawn if edge.source in self._streaming)]
        there = self.read([edge.source for edge in edges], ("state",))
        yield from (edge for edge in edges if edge.source in there)


def shows_end(properties: Properties, time: str) -> bool:
    """True if a run had ended by a moment, by its properties.

    Facts that runs share would each be read. A run that is only known as a parent shows nothing.
    """
    state = str(properties.get("state") or "")
    return RANKS.get(state, 0) >= TERMINAL and str(properties["ended_at"]) <= time
