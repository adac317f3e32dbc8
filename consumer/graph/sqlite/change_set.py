"""Sets of changes as rows: evaluated in memory one by one, in their order, and written in bulk.

A statement for each vertex and edge costs several times the row. So the vertices that changes name are found together,
each change is checked against what those before it have made of the vertices, and the rows that follow are inserted
and updated in bulk. Vertices that have to be absent are presumed to be, without a look; if one of them is there after
all, everything is done again with a look.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from consumer.graph.sqlite.dictionary import Dictionary
from consumer.graph.sqlite.edge_rows import EdgePlace, EdgeRows, Packed
from consumer.graph.sqlite.tables import HOT
from consumer.graph.sqlite.vertex_rows import VertexRows, cut, packed
from consumer.graph.store import (
    Change,
    Condition,
    DropEdges,
    DropOrphans,
    DropVertices,
    Edge,
    NotExists,
    Properties,
    PropertyEquals,
    Scalar,
    Step,
    Vertex,
)

_INSERT: Final = "INSERT OR IGNORE INTO vertices VALUES (?, ?, ?, ?, ?, ?, ?)"
_UPDATE: Final = "UPDATE vertices SET rev = ?, facts = ?, stamps = ?, properties = ? WHERE key = ?"
_UPDATE_HOT: Final = (
    "UPDATE vertices SET rev = ifnull(?, rev), facts = ifnull(?, facts), stamps = ifnull(?, stamps) WHERE key = ?"
)
_PUT_EDGE: Final = (
    "INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (source, label, target, job, name) DO UPDATE SET properties = excluded.properties"
)
_DROP_EDGE: Final = "DELETE FROM edges WHERE source = ? AND label = ? AND target = ? AND job = ? AND name = ?"
_LONELY: Final = (
    "SELECT NOT EXISTS (SELECT 1 FROM edges WHERE source = ?1 AND label = ?2)"
    " AND NOT EXISTS (SELECT 1 FROM edges WHERE target = ?1 AND label = ?2)"
)
_HOT_KEYS: Final = frozenset(HOT)
_TEXT: Final = frozenset({str})
_UNPACKED: Final = ""
"""Stands for properties that are not packed yet; nothing is packed as an empty text."""


class MispresumedError(Exception):
    """A vertex that was presumed to be new is there."""


@dataclass(slots=True, eq=False)
class _Row:
    """A vertex, with what changes have made of it so far.

    Attributes:
        key: Its integer.
        rev: Its token, where that is a text.
        properties: All of its properties; None while they are not read.
        patch: Those of `HOT` that are to be updated, while the others are not read.
        place: The stem's key and the tail of one that is to be inserted; None of one that is in the table.
    """

    key: int
    rev: str | None
    properties: dict[str, Scalar] | None = None
    patch: dict[str, str] = field(default_factory=dict)
    place: tuple[int, str] | None = None


class ChangeSet:
    """Changes that are done together, within a transaction of the caller.

    Args:
        db: The file.
        dictionary: The file's dictionary.
        presume_new: True if owners that have to be absent are not looked for.
    """

    def __init__(self, db: sqlite3.Connection, dictionary: Dictionary, *, presume_new: bool) -> None:
        self._db = db
        self._dictionary = dictionary
        self._presume_new = presume_new
        self._vertices = VertexRows(db, dictionary)
        self._edges = EdgeRows(db, dictionary, self._vertices)
        self._rows: dict[str, _Row] = {}
        self._cuts: dict[str, tuple[str, str]] = {}
        self._changed: dict[int, _Row] = {}
        self._new_edges: dict[EdgePlace, Packed] = {}
        self._packed: dict[int, Packed] = {}
        self._next_key = 0

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes; returns the owners of those that were not done.

        Raises:
            MispresumedError: A vertex is there that was presumed to be new; nothing of this set counts.
        """
        self._next_key = int(self._db.execute("SELECT ifnull(max(key), 0) FROM vertices").fetchone()[0]) + 1
        self._find(changes)
        failed: set[str] = set()
        for change in changes:
            if change.owner.id not in failed and not self._do(change):
                failed.add(change.owner.id)
        self._flush()
        # Last, as one change may leave a vertex that another one needs.
        for change in changes:
            if change.owner.id not in failed:
                self._drop_lonely(change)
        return failed

    def _find(self, changes: Sequence[Change]) -> None:
        """Looks for the vertices that changes need, but for those that are presumed to be new."""
        wanted = {change.owner.id for change in changes}
        for change in changes:
            for step in change.steps:
                if isinstance(step, Edge):
                    wanted.update(step[2:4])
                elif isinstance(step, Vertex):
                    wanted.add(step.id)
        self._cuts = {id_: cut(id_) for id_ in wanted}
        self._dictionary.look_up({stem for stem, _ in self._cuts.values()})
        if self._presume_new:
            wanted.difference_update([change.owner.id for change in changes if isinstance(change.when, NotExists)])
        found = self._vertices.find_cut({id_: self._cuts[id_] for id_ in wanted})
        self._rows = {id_: _Row(*one) for id_, one in found.items()}

    def _do(self, change: Change) -> bool:
        """Does a change; returns False if its condition does not hold, or an end of an edge is not there."""
        owner = change.owner
        row = self._rows.get(owner.id)
        if not self._holds(change.when, row):
            # One that was sent before counts as done.
            return row is not None and self._value(row, change.token.key) == change.token.value
        if not self._has_all_ends(change):
            return False
        self._put(owner, change.removes)
        for step in change.steps:
            self._step(step)
        return True

    def _holds(self, when: Condition, row: _Row | None) -> bool:
        match when:
            case NotExists():
                return row is None
            case PropertyEquals(key, value):
                return row is not None and self._value(row, key) == value

    def _value(self, row: _Row, key: str) -> Scalar | None:
        return row.rev if key == "rev" and row.rev is not None else self._read(row).get(key)

    def _read(self, row: _Row) -> dict[str, Scalar]:
        """Returns all properties of a vertex, as they are by now."""
        if row.properties is None:
            row.properties = {**self._vertices.properties(row.key), **row.patch}
        return row.properties

    def _has_all_ends(self, change: Change) -> bool:
        """True if no edge of a change lacks an end when it is made."""
        if not change.steps:
            return True
        made, gone = {change.owner.id}, set[str]()
        for step in change.steps:
            if isinstance(step, Vertex):
                made.add(step.id)
            elif isinstance(step, DropVertices):
                made.difference_update(step.ids)
                gone.update(step.ids)
            elif isinstance(step, Edge) and not made.issuperset(step[2:4]):
                lacking = set(step[2:4]) - made
                if lacking & gone or not self._rows.keys() >= lacking:
                    return False
        return True

    def _put(self, vertex: Vertex, removes: tuple[str, ...] = ()) -> None:
        """Makes a vertex, or brings it to the given properties where it is there already."""
        row = self._rows.get(vertex.id)
        if row is None:
            row = self._rows[vertex.id] = self._made(vertex)
            self._changed[row.key] = row
        elif row.properties is None and not removes and _is_hot(vertex.properties):
            self._patch(row, vertex.properties)
        else:
            known = self._read(row)
            after = {key: value for key, value in known.items() if key not in removes}
            after.update(vertex.properties)
            if after != known:
                row.properties, row.rev = after, _text(after.get("rev"))
                self._changed[row.key] = row

    def _made(self, vertex: Vertex) -> _Row:
        text, tail = self._cuts[vertex.id]
        if self._presume_new and any(stem.label != vertex.label for stem in self._dictionary.stems(text)):
            raise MispresumedError
        stem = self._dictionary.stem(text, vertex.label)
        properties = dict(vertex.properties)
        key, self._next_key = self._next_key, self._next_key + 1
        return _Row(key, _text(properties.get("rev")), properties, place=(stem.key, tail))

    def _patch(self, row: _Row, properties: Mapping[str, Any]) -> None:
        for key, value in properties.items():
            if key != "rev" or value != row.rev:
                row.patch[key] = value
                self._changed[row.key] = row
        row.rev = properties.get("rev", row.rev)

    def _step(self, step: Step) -> None:
        match step:
            case Vertex():
                self._put(step)
            case Edge():
                ends = self._rows[step.source].key, self._rows[step.target].key
                # Many edges of one job have the same properties, as one object.
                packed_as = self._packed.get(id(step.properties), _UNPACKED)
                if packed_as is _UNPACKED:
                    packed_as = self._packed[id(step.properties)] = self._edges.packed(step.properties)
                self._new_edges[self._edges.place(step, *ends)] = packed_as
            case DropEdges():
                self._flush()
                self._db.executemany(_DROP_EDGE, self._edges.places(step.ids))
            case DropVertices():
                self._flush()
                self._drop(step.ids)
            case DropOrphans():
                pass  # at the end, see `write`

    def _drop(self, ids: Iterable[str]) -> None:
        """Removes vertices that are in the table, with their edges."""
        found = self._vertices.find(ids)
        keys = [(one.key,) for one in found.values()]
        for delete in ("edges WHERE source = ?", "edges WHERE target = ?", "vertices WHERE key = ?"):
            self._db.executemany(f"DELETE FROM {delete}", keys)  # noqa: S608 - of constants
        for id_ in found:
            self._rows.pop(id_, None)

    def _drop_lonely(self, change: Change) -> None:
        for step in change.steps:
            if isinstance(step, DropOrphans):
                label = self._dictionary.known(step.unless_edges)
                read = self._vertices.read(step.ids)
                free = {id_ for id_, properties in read.items() if not properties.get(step.unless_property)}
                found = self._vertices.find(free)
                self._drop([id_ for id_, one in found.items() if self._is_lonely(one.key, label)])

    def _is_lonely(self, key: int, label: int | None) -> bool:
        return bool(self._db.execute(_LONELY, (key, label)).fetchone()[0])

    def _flush(self) -> None:
        """Writes the rows that have come together."""
        new: list[tuple[Any, ...]] = []
        whole: list[tuple[Any, ...]] = []
        hot: list[tuple[Any, ...]] = []
        for row in self._changed.values():
            if row.properties is None:
                patched = row.patch.get
                hot.append((patched("rev"), patched("facts"), patched("stamps"), row.key))
            elif row.place is None:
                whole.append((*packed(row.properties), row.key))
            else:
                new.append((row.key, *row.place, *packed(row.properties)))
            row.place, row.patch = None, {}
        self._dictionary.flush()
        before = self._db.total_changes
        self._db.executemany(_INSERT, new)
        if self._db.total_changes - before != len(new):
            raise MispresumedError
        self._db.executemany(_UPDATE, whole)
        self._db.executemany(_UPDATE_HOT, hot)
        self._db.executemany(_PUT_EDGE, [(*place, properties) for place, properties in self._new_edges.items()])
        self._changed.clear()
        self._new_edges.clear()


def _is_hot(properties: Properties) -> bool:
    return _HOT_KEYS.issuperset(properties) and _TEXT.issuperset(map(type, properties.values()))


def _text(value: Scalar | None) -> str | None:
    return value if isinstance(value, str) else None
