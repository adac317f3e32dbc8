"""The format version of a graph: a number in all facts and in the graph itself, checked on first use.

It is incremented by changes that other versions of Headwater can't read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any, Final

import orjson

from consumer.errors import UnusableGraph
from consumer.graph import ids, schema
from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.store import (
    Change,
    Direction,
    Edge,
    GraphStore,
    NotExists,
    Properties,
    PropertyEquals,
    Vertex,
    selected,
)
from consumer.graph.walks.id_graph import for_walks
from consumer.graph.walks.keyed_graph import KeyedGraph

FORMAT: Final = 2
"""The format that this version writes; 0 is the format of builds before the first release."""

READABLE: Final = frozenset({1, FORMAT})
"""The formats that this version reads; a graph in an older one is migrated as it is written."""

_KEY: Final = "v"
_ID: Final = ids.task("format")
_PROPERTIES: Final = ("format", "written_by")


REFILL_ADVICE: Final = (
    "fill a new graph with `headwater replay --from beginning --into URL`, `headwater ingest` or"
    " `headwater backfill`, and name it with --graph"
)
"""The next action for a graph of an older format: its events are folded again."""


INDEX_MARK: Final = ids.task("history_index")
"""Vertex that a graph has if its history is indexed: each run that has ended, and each statement, leads from its names.

A new graph has it from the beginning. One that an older version wrote gets it from a reconcile, which makes the edges
that are missing; until then the past is made from the whole graph.
"""


class WrongFormat(UnusableGraph):
    """The graph holds facts in a format of another version of Headwater."""


def seal(content: Mapping[str, object]) -> str:
    """Returns content as JSON text with the format number; equal content has equal text."""
    return orjson.dumps({**content, _KEY: FORMAT}, default=tuple, option=orjson.OPT_SORT_KEYS).decode()


def formatted(text: str) -> dict[str, Any]:
    """Parses facts from their JSON text, with the format number as `v`.

    Raises:
        WrongFormat: The facts are in a format that this version does not read.
    """
    raw: dict[str, Any] = orjson.loads(text)
    number = raw.get(_KEY, 0)
    _require(number, "another version of Headwater" if number else "a build before Headwater 0.1.0")
    return raw


def _require(number: int, written_by: str) -> None:
    if number in READABLE:
        return
    mine = version("headwater")
    what = f"the graph is in format {number}, written by {written_by}; Headwater {mine} reads format {FORMAT}"
    if number > FORMAT:
        raise WrongFormat(f"{what}: use {written_by}, or name another graph with --graph")
    raise WrongFormat(f"{what}: {REFILL_ADVICE}")


def check(store: GraphStore) -> bool:
    """Checks the format of a graph; returns False if the graph has none, or an older one that this version reads.

    Raises:
        WrongFormat: The graph has another format.
        TransientError: The store is unavailable.
    """
    return _has_format(store.read([_ID], _PROPERTIES).get(_ID))


def _has_format(properties: Properties | None) -> bool:
    if properties is None:
        return False
    found = int(properties["format"])
    _require(found, f"Headwater {properties['written_by']}")
    return found == FORMAT


def _claim(store: GraphStore) -> list[Change]:
    """Returns the change that writes this format into an empty graph, or into one of an older readable format.

    Facts in other graphs without a format may be of another version.
    """
    known = store.read([_ID]).get(_ID)
    properties: Properties = {"format": FORMAT, "written_by": version("headwater"), "rev": str(FORMAT)}
    vertex, token = Vertex(_ID, schema.TASK, properties), PropertyEquals("rev", str(FORMAT))
    if known is not None:
        return [Change(vertex, PropertyEquals("rev", known["rev"]), token)]
    return [] if store.ids(schema.NAME, "", 1) else [Change(vertex, NotExists(), token), index_mark()]


def is_indexed(store: GraphStore) -> bool:
    """True if the history of a graph can be read from its names.

    Raises:
        TransientError: The store is unavailable.
    """
    return INDEX_MARK in store.read([INDEX_MARK], ("rev",))


def index_mark() -> Change:
    """Returns the change that notes that the history of a graph is indexed."""
    return Change(Vertex(INDEX_MARK, schema.TASK, {"rev": "1"}), NotExists(), PropertyEquals("rev", "1"))


def format_vertices(store: GraphStore) -> Iterator[Vertex]:
    """Yields the vertices with the format of a graph and the mark of its index, if they are there.

    Raises:
        TransientError: The store is unavailable.
    """
    yield from (Vertex(id_, schema.TASK, properties) for id_, properties in store.read([_ID, INDEX_MARK]).items())


def claim(store: GraphStore) -> None:
    """Checks the format of a graph, and writes this version's format into an empty one.

    Raises:
        WrongFormat: The graph has another format.
        TransientError: The store is unavailable.
    """
    if not check(store):
        store.write(_claim(store))


class FormatCheckedStore(DelegatingStore):
    """A store whose format is checked with the first request.

    Args:
        store: Store on a server.
        claims: True if the first write also writes the format into an empty graph.
    """

    def __init__(self, store: GraphStore, *, claims: bool) -> None:
        super().__init__(store)
        self._claims = claims
        self._is_checked = False

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices by id; the first request reads the format too."""
        if self._is_checked:
            return self._store.read(ids, keys)
        by_id = self._store.read([*ids, _ID], (*keys, *_PROPERTIES) if keys else ())
        if _has_format(by_id.pop(_ID, None)):
            self._claims = False
        self._is_checked = True
        return {id_: selected(properties, keys) for id_, properties in by_id.items()}

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes; returns the owners of changes that were not applied."""
        self._check()
        if not self._claims:
            return self._store.write(changes)
        # Before everything else: what is written at once may be written in part.
        self._store.write(_claim(self._store))
        self._claims = False
        return self._store.write(changes)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        self._check()
        return self._store.edges_at(ids, label, direction)

    def for_walks(self) -> AbstractContextManager[KeyedGraph[Any]]:
        """Returns the form of the store for one walk."""
        self._check()
        return for_walks(self._store)

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        self._check()
        return self._store.latest_at(ids, label, until, count, keys)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given id."""
        self._check()
        return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        self._check()
        return self._store.vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        self._check()
        return self._store.edges(label)

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    def _check(self) -> None:
        if not self._is_checked:
            self.read([])
