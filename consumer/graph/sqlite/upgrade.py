"""Tables of the version before, brought to this version's in place.

Version 2 had each id as text: in the vertex, in its edges, and in their indexes. Its file becomes a quarter as large.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from consumer.graph.sqlite import tables
from consumer.graph.sqlite.dictionary import Dictionary
from consumer.graph.sqlite.edge_rows import EdgeRows
from consumer.graph.sqlite.vertex_rows import VertexRows, cut, packed
from consumer.graph.store import Edge

UPGRADED: Final = 2
"""The version of the tables that `upgrade` reads."""

_PORTION: Final = 10_000
_BEFORE: Final = (
    "DROP INDEX vertices_by_label",
    "DROP INDEX edges_by_label",
    "DROP INDEX edges_by_source",
    "DROP INDEX edges_by_target",
    "ALTER TABLE vertices RENAME TO vertices_2",
    "ALTER TABLE edges RENAME TO edges_2",
)
_AFTER: Final = ("DROP TABLE vertices_2", "DROP TABLE edges_2")


def upgrade(db: sqlite3.Connection) -> None:
    """Brings the tables of version 2 to this version, within a transaction of the caller.

    The pages that the old tables took stay with the file until it is vacuumed.
    """
    for statement in _BEFORE:
        db.execute(statement)
    tables.make(db)
    dictionary = Dictionary(db)
    vertices = VertexRows(db, dictionary)
    _copy_vertices(db, dictionary)
    _copy_edges(db, vertices, EdgeRows(db, dictionary, vertices))
    dictionary.flush()
    for statement in _AFTER:
        db.execute(statement)


def _portions(db: sqlite3.Connection, select: str) -> Iterator[Sequence[Any]]:
    cursor = db.execute(select)
    while rows := cursor.fetchmany(_PORTION):
        yield rows


def _copy_vertices(db: sqlite3.Connection, dictionary: Dictionary) -> None:
    for rows in _portions(db, "SELECT id, label, properties FROM vertices_2 ORDER BY id"):
        copies: list[tuple[Any, ...]] = []
        for id_, label, properties in rows:
            text, tail = cut(id_)
            copies.append((dictionary.stem(text, label).key, tail, *packed(orjson.loads(properties))))
        dictionary.flush()
        db.executemany(
            "INSERT INTO vertices (stem, tail, rev, facts, stamps, properties) VALUES (?, ?, ?, ?, ?, ?)", copies
        )


def _copy_edges(db: sqlite3.Connection, vertices: VertexRows, edges: EdgeRows) -> None:
    for rows in _portions(db, "SELECT id, label, source, target, properties FROM edges_2 ORDER BY source, label"):
        ends = {end for row in rows for end in row[2:4]}
        keys = {id_: found.key for id_, found in vertices.find(ends).items()}
        copies: list[tuple[Any, ...]] = []
        for id_, label, source, target, properties in rows:
            edge = Edge(id_, label, source, target, orjson.loads(properties))
            place = edges.place(edge, keys[source], keys[target])
            copies.append((*place, edges.packed(edge.properties)))
        db.executemany("INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)", copies)
