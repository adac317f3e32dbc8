"""Vertices as rows: found by their ids, and read."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from consumer.graph.sqlite.dictionary import Dictionary, Stem
from consumer.graph.sqlite.tables import HOT
from consumer.graph.store import Properties, Scalar, Vertex, selected

COLUMNS: Final = "v.rev, v.facts, v.stamps, v.properties"
"""The columns that hold the properties of a vertex `v`, as `unpacked` takes them."""

Columns = tuple[str | None, str | None, str | None, str | None]
"""The columns of a row that hold its properties: `HOT`, and all others as JSON."""


_FEW: Final = 4
"""Properties that are read one by one."""

_ONE_STEM: Final = ("alert/", "alert_letter/", "change/", "facet/", "outbox/", "statement/", "task/")
"""Kinds whose ids share one stem, so that ids that begin with a time are read in its order."""


class Found(NamedTuple):
    """A vertex that is there.

    Attributes:
        key: Its integer.
        rev: Its token, where that is a text.
    """

    key: int
    rev: str | None


def cut(id_: str) -> tuple[str, str]:
    """Returns the stem and the tail of an id."""
    at = (id_.find("/") if id_.startswith(_ONE_STEM) else id_.rfind("/")) + 1
    return id_[:at], id_[at:]


def packed(properties: Properties) -> Columns:
    """Returns properties as columns."""
    rest: dict[str, Scalar] = {}
    hot: dict[str, str] = {}
    for key, value in properties.items():
        if key in HOT and isinstance(value, str):
            hot[key] = value
        else:
            rest[key] = value
    return hot.get("rev"), hot.get("facts"), hot.get("stamps"), orjson.dumps(rest).decode() if rest else None


def unpacked(columns: Sequence[str | None]) -> dict[str, Scalar]:
    """Returns properties from columns."""
    *hot, rest = columns
    found: dict[str, Scalar] = orjson.loads(rest) if rest is not None else {}
    found.update({key: value for key, value in zip(HOT, hot, strict=True) if value is not None})
    return found


class VertexRows:
    """The table of vertices.

    Args:
        db: The file.
        dictionary: The stems of ids.
    """

    def __init__(self, db: sqlite3.Connection, dictionary: Dictionary) -> None:
        self._db = db
        self._dictionary = dictionary

    def find(self, ids: Iterable[str]) -> dict[str, Found]:
        """Returns those of some ids that are there."""
        return self.find_cut({id_: cut(id_) for id_ in ids})

    def find_cut(self, cuts: Mapping[str, tuple[str, str]]) -> dict[str, Found]:
        """Returns those of some ids that are there, by the stems and tails of ids."""
        wanted, rows = self._at(cuts.items(), "v.key, v.rev")
        return {wanted[at]: Found(key, rev) for at, key, rev in rows}

    def read(self, ids: Iterable[str], keys: Collection[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices by id; those named, or all."""
        if 0 < len(keys) <= _FEW and not set(keys) & set(HOT):
            return self._read_few(ids, keys)
        # The other columns are read only where they may have what is wanted.
        few = "v.rev, NULL, NULL, CASE WHEN v.rev IS NULL THEN v.properties END" if set(keys) == {"rev"} else COLUMNS
        wanted, rows = self._at(((id_, cut(id_)) for id_ in ids), few)
        found: dict[str, Properties] = {}
        for at, *columns in rows:
            found[wanted[at]] = selected(unpacked(columns), keys)
        return found

    def _read_few(self, ids: Iterable[str], keys: Collection[str]) -> dict[str, Properties]:
        """Returns a few properties of vertices by id, without a look at the others, which may be long."""
        few = ", ".join(["v.properties -> ?"] * len(keys))
        wanted, rows = self._at(((id_, cut(id_)) for id_ in ids), few, *(f'$."{key}"' for key in keys))
        found: dict[str, Properties] = {}
        for at, *texts in rows:
            found[wanted[at]] = {
                key: orjson.loads(text) for key, text in zip(keys, texts, strict=True) if text is not None
            }
        return found

    def properties(self, key: int) -> dict[str, Scalar]:
        """Returns the properties of one vertex."""
        select = f"SELECT {COLUMNS} FROM vertices v WHERE v.key = ?"  # noqa: S608 - of constants
        return unpacked(self._db.execute(select, (key,)).fetchone())

    def ids(self, keys: Collection[int]) -> dict[int, str]:
        """Returns the ids of vertices by key."""
        select = (
            "SELECT v.key, s.text || v.tail FROM json_each(?) j CROSS JOIN vertices v ON v.key = j.value"
            " CROSS JOIN stems s ON s.key = v.stem"
        )
        return dict(self._rows(select, list(keys)))

    def of_label(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        select = (
            f"SELECT s.text || v.tail, {COLUMNS} FROM stems s CROSS JOIN vertices v ON v.stem = s.key"  # noqa: S608
            " WHERE s.label = (SELECT key FROM words WHERE text = ?)"
        )
        for id_, *columns in self._db.execute(select, (label,)):
            yield Vertex(id_, label, unpacked(columns))

    def ids_after(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of a label after a given one, ordered by stem and tail."""
        text, tail = cut(after)
        stem = next((stem.key for stem in self._dictionary.stems(text) if stem.label == label), 0)
        # In two parts: with one condition for both, each page would read its stem from the first tail on.
        rest = "SELECT ?1 || tail FROM vertices WHERE stem = ?2 AND tail > ?3 ORDER BY tail LIMIT ?4"
        found = [id_ for (id_,) in self._db.execute(rest, (text, stem, tail, count))]
        further = (
            "SELECT s.text || v.tail FROM stems s CROSS JOIN vertices v ON v.stem = s.key"
            " WHERE s.label = (SELECT key FROM words WHERE text = ?1) AND s.key > ?2 ORDER BY s.key, v.tail LIMIT ?3"
        )
        found += (id_ for (id_,) in self._db.execute(further, (label, stem, count - len(found))))
        return found

    def _at(
        self, cuts: Iterable[tuple[str, tuple[str, str]]], columns: str, *parameters: object
    ) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Looks vertices up by the stems and tails of their ids.

        Args:
            cuts: Ids, each with its stem and tail.
            columns: What to select of each vertex.
            parameters: Values of the columns' placeholders.

        Returns:
            Ids, and rows that begin with the position of an id.
        """
        # All columns of a dataset have one stem, which is looked up once; an id of a new stem is of no vertex.
        known: dict[str, tuple[Stem, ...]] = {}
        wanted: list[str] = []
        stems: list[int] = []
        tails: list[str] = []
        for id_, (text, tail) in cuts:
            found = known.get(text)
            if found is None:
                found = known[text] = self._dictionary.stems(text)
            for stem in found:
                wanted.append(id_)
                stems.append(stem.key)
                tails.append(tail)
        if not wanted:
            return wanted, iter(())
        # One array, not a variable for each id: one prepared statement serves any number. CROSS JOIN makes SQLite look
        # each of them up in the index, whatever its statistics say.
        select = f"SELECT j.key, {columns} FROM json_each(?) j CROSS JOIN vertices v ON"  # noqa: S608 - of constants
        if stems.count(stems[0]) == len(stems):
            # As of all tables of a namespace: a tail alone is no JSON that has to be parsed again.
            by_tail = f"{select} v.stem = ? AND v.tail = j.value"
            rows = self._db.execute(by_tail, (*parameters, orjson.dumps(tails).decode(), stems[0]))
        else:
            places = orjson.dumps(list(zip(stems, tails, strict=True))).decode()
            rows = self._db.execute(
                f"{select} v.stem = j.value ->> 0 AND v.tail = j.value ->> 1", (*parameters, places)
            )
        return wanted, rows

    def _rows(self, select: str, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
        if values:
            yield from self._db.execute(select, (orjson.dumps(values).decode(),))
