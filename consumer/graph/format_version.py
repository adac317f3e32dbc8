"""The format of what a graph holds: a number in all facts and in the graph itself, checked before anything is used.

The number counts changes that another version of Headwater can't read. It says nothing about the contents.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

import orjson

from consumer.errors import UsageError
from consumer.graph import ids, schema
from consumer.graph.delegating_store import Around
from consumer.graph.store import Absent, Change, Direction, Edge, GraphStore, Is, Properties, Vertex

FORMAT: Final = 1
"""The format that this version reads and writes; 0 is that of builds before the first release."""

_KEY: Final = "v"
_ID: Final = ids.task("format")
_PROPERTIES: Final = ("format", "written_by")


FILL_A_NEW_GRAPH: Final = (
    "fill a new graph with `headwater replay --from beginning --into URL`, `headwater ingest` or"
    " `headwater backfill`, and name it with --graph"
)
"""What brings a graph of an older format over: its events are folded again."""


class WrongFormat(UsageError):
    """The graph holds facts in a format of another version of Headwater."""


def seal(facts: Mapping[str, object]) -> str:
    """Facts as JSON text with the format's number; equal facts have equal text."""
    return orjson.dumps({**facts, _KEY: FORMAT}, default=tuple, option=orjson.OPT_SORT_KEYS).decode()


def unseal(text: str) -> dict[str, Any]:
    """Facts from their JSON text.

    Raises:
        WrongFormat: They are in another format.
    """
    raw: dict[str, Any] = orjson.loads(text)
    found = raw.get(_KEY, 0)
    _require(found, "another version of Headwater" if found else "a build before Headwater 0.1.0")
    return raw


def _require(found: int, written_by: str) -> None:
    if found == FORMAT:
        return
    mine = version("headwater")
    what = f"the graph is in format {found}, written by {written_by}; Headwater {mine} reads format {FORMAT}"
    if found > FORMAT:
        raise WrongFormat(f"{what}: use {written_by}, or name another graph with --graph")
    raise WrongFormat(f"{what}: {FILL_A_NEW_GRAPH}")


def check(store: GraphStore) -> bool:
    """Checks the format that a graph says it has; returns False if it does not say, as an empty one.

    Raises:
        WrongFormat: It is another one.
        TransientError: The store can't serve now.
    """
    return _is_said(store.read([_ID], _PROPERTIES).get(_ID))


def _is_said(properties: Properties | None) -> bool:
    if properties is None:
        return False
    _require(int(properties["format"]), f"Headwater {properties['written_by']}")
    return True


def _claim(store: GraphStore) -> list[Change]:
    """The change that writes this format into an empty graph; facts without it may be those of another version."""
    if store.ids(schema.NAME, "", 1):
        return []
    said: Properties = {"format": FORMAT, "written_by": version("headwater"), "rev": "1"}
    return [Change(Vertex(_ID, schema.TASK, said), Absent(), Is("rev", "1"))]


def stated(store: GraphStore) -> Iterator[Vertex]:
    """The vertex that says which format a graph is in, where there is one.

    Raises:
        TransientError: The store can't serve now.
    """
    yield from (Vertex(id_, schema.TASK, properties) for id_, properties in store.read([_ID]).items())


def claim(store: GraphStore) -> None:
    """Checks a graph's format, and writes this version's into an empty one.

    Raises:
        WrongFormat: It is another one.
        TransientError: The store can't serve now.
    """
    if not check(store):
        store.write(_claim(store))


class Checked(Around):
    """A store on a server, of which the format is checked with the first request.

    Args:
        store: The store.
        claims: True if the first write also writes the format into an empty graph.
    """

    def __init__(self, store: GraphStore, *, claims: bool) -> None:
        super().__init__(store)
        self._claims = claims
        self._is_checked = False

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id; the first request asks for the format too."""
        if self._is_checked:
            return self._store.read(ids, keys)
        found = self._store.read([*ids, _ID], (*keys, *_PROPERTIES) if keys else ())
        if _is_said(found.pop(_ID, None)):
            self._claims = False
        self._is_checked = True
        if not keys:
            return found
        return {id_: {key: known[key] for key in keys if key in known} for id_, known in found.items()}

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes; returns the owners of those that were not done."""
        self._check()
        if not self._claims:
            return self._store.write(changes)
        failed = self._store.write([*_claim(self._store), *changes]) - {_ID}
        self._claims = False
        return failed

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave or enter vertices."""
        self._check()
        return self._store.edges_at(ids, label, direction)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """The first ids of vertices of a label after a given one."""
        self._check()
        return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """All vertices of a label."""
        self._check()
        return self._store.vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """All edges of a label."""
        self._check()
        return self._store.edges(label)

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    def _check(self) -> None:
        if not self._is_checked:
            self.read([])
