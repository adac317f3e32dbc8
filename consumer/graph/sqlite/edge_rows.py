"""Edges as rows: packed, found by their ends or their ids, and read."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

import orjson

from consumer.graph import ids
from consumer.graph.sqlite.dictionary import Dictionary
from consumer.graph.sqlite.vertex_rows import COLUMNS, Found, VertexRows, unpacked
from consumer.graph.store import Direction, Edge, Properties, Scalar, selected

_SHORT: Final = 200
"""Characters of properties that are a word of the dictionary; longer ones stand with the edge."""

_NO_JOB: Final = 0
_SELECT: Final = "SELECT e.source, e.target, e.job, e.name, e.properties FROM"

# Of many vertices few are read: what they have in common is compared by SQLite.
_LATEST: Final = (
    f"SELECT s.text || v.tail, {COLUMNS} FROM"  # noqa: S608 - of constants
    " (SELECT v.key, v.properties ->> ? AS value FROM edges e CROSS JOIN vertices v ON v.key = e.source"
    " WHERE e.target = ? AND e.label = ? AND value > '' AND value <= ? ORDER BY value DESC LIMIT ?) l"
    " CROSS JOIN vertices v ON v.key = l.key CROSS JOIN stems s ON s.key = v.stem ORDER BY l.value DESC"
)


class EdgePlace(NamedTuple):
    """The primary key of an edge: keys of its ends, words, and its id if that does not follow from them."""

    source: int
    label: int
    target: int
    job: int
    name: str


Packed = int | str | None
"""Properties of an edge but for its job: a word's key, a long text, or nothing."""


class EdgeRows:
    """The table of edges.

    Args:
        db: The file.
        dictionary: Labels, jobs and properties.
        vertices: The ends of edges.
    """

    def __init__(self, db: sqlite3.Connection, dictionary: Dictionary, vertices: VertexRows) -> None:
        self._db = db
        self._dictionary = dictionary
        self._vertices = vertices

    def place(self, edge: Edge, source: int, target: int) -> EdgePlace:
        """Returns the place of an edge, given the keys of its ends."""
        job = edge.properties.get("job")
        of_job = job if isinstance(job, str) else ""
        name = "" if ids.is_edge_id(edge.id, edge.label, edge.source, edge.target, of_job) else edge.id
        key = self._dictionary.key
        return EdgePlace(source, key(edge.label), target, key(of_job) if of_job else _NO_JOB, name)

    def packed(self, properties: Properties) -> Packed:
        """Returns the properties of an edge, but for its job."""
        rest = {key: value for key, value in properties.items() if key != "job" or not isinstance(value, str)}
        if not rest:
            return None
        text = orjson.dumps(rest).decode()
        return self._dictionary.key(text) if len(text) <= _SHORT else text

    def places(self, edge_ids: Iterable[str]) -> list[EdgePlace]:
        """Returns the places of those of some edges that may be there."""
        ends = {id_: ids.edge_ends(id_) for id_ in edge_ids}
        known = [one for one in ends.values() if one is not None]
        vertices = self._vertices.find({end for one in known for end in one[1:3]})
        # Both ways: an edge is stored by its ends if its id follows from them, and by its id if not.
        found = [place for one in known if (place := self._known_place(one, vertices)) is not None]
        # The second term is that of the partial index, which SQLite uses only where it can prove it.
        select = "SELECT source, label, target, job, name FROM edges WHERE name = ? AND name != ''"
        for id_ in ends:
            found += (EdgePlace(*row) for row in self._db.execute(select, (id_,)))
        return found

    def _known_place(self, ends: ids.EdgeEnds, vertices: dict[str, Found]) -> EdgePlace | None:
        source, target = vertices.get(ends.source), vertices.get(ends.target)
        label = self._dictionary.known(ends.label)
        job = self._dictionary.known(ends.job) if ends.job else _NO_JOB
        if source is None or target is None or label is None or job is None:
            return None
        return EdgePlace(source.key, label, target.key, job, "")

    def at(self, vertex_ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        near = {found.key: id_ for id_, found in self._vertices.find(vertex_ids).items()}
        key = self._dictionary.known(label)
        if not near or key is None:
            return []
        end = "source" if direction == "out" else "target"
        select = f"{_SELECT} json_each(?) j CROSS JOIN edges e ON e.{end} = j.value AND e.label = ?"
        rows = self._db.execute(select, (orjson.dumps(list(near)).decode(), key)).fetchall()
        return list(self._edges(label, rows, near))

    def latest(
        self, vertex_ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Collection[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property up to a value."""
        near = self._vertices.find(vertex_ids)
        word = self._dictionary.known(label)
        key, value = until
        found: dict[str, dict[str, Properties]] = {}
        for id_, vertex in near.items() if word is not None else ():
            rows = self._db.execute(_LATEST, (f'$."{key}"', vertex.key, word, value, count))
            found[id_] = {source: selected(unpacked(columns), keys) for source, *columns in rows}
        return found

    def of_label(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        key = self._dictionary.known(label)
        cursor = self._db.execute(f"{_SELECT} edges e WHERE e.label = ?", (key,))
        # In parts: the ids of their ends are read for many edges at once, and a scan is not held in memory.
        while rows := cursor.fetchmany(1_000):
            yield from self._edges(label, rows, {})

    def _edges(self, label: str, rows: list[tuple[int, int, int, str, Packed]], near: dict[int, str]) -> Iterator[Edge]:
        ends = {end for row in rows for end in row[:2]}
        vertex_ids = near | self._vertices.ids(ends - near.keys())
        text = self._dictionary.text
        properties: defaultdict[tuple[int, Packed], Properties] = defaultdict(dict)
        # Most edges of a job have equal properties, which are parsed once.
        for place in {(job, packed) for *_, job, _, packed in rows}:
            properties[place] = self._unpacked(*place)
        for source, target, job, name, packed in rows:
            at, to = vertex_ids[source], vertex_ids[target]
            id_ = name or ids.edge_id(label, at, to, text(job) if job else "")
            yield Edge(id_, label, at, to, properties[job, packed])

    def _unpacked(self, job: int, packed: Packed) -> dict[str, Scalar]:
        rest = self._dictionary.text(packed) if isinstance(packed, int) else packed
        found: dict[str, Scalar] = orjson.loads(rest) if rest is not None else {}
        if job:
            found["job"] = self._dictionary.text(job)
        return found
