"""The rows of a file for a walk: the key of a vertex is that of its row, and no id is made on the way."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Mapping
from operator import itemgetter
from typing import Any, Final

import orjson

from consumer.graph import ids
from consumer.graph.sqlite.vertex_rows import VertexRows, cut
from consumer.graph.walks.keyed_graph import Along, Hop, IdsByStem, Made, Making
from consumer.lineage.column_lineage import WHOLE

# CROSS JOIN makes SQLite look up each key, whatever its statistics say.
_EACH: Final = "FROM json_each(?) j CROSS JOIN"
_HOPS: Final = f"SELECT e.source, e.target, e.job, e.properties {_EACH} edges e"
_OF_LABEL: Final = "e.label = (SELECT key FROM words WHERE text = ?)"
_EDGES: Final = {
    "out": f"{_HOPS} ON e.source = j.value AND {_OF_LABEL}",
    "in": f"{_HOPS} ON e.target = j.value AND {_OF_LABEL}",
}
_PLACES: Final = f"SELECT v.key, v.stem, v.tail {_EACH} vertices v ON v.key = j.value"
_WHOLES: Final = f"SELECT v.stem, v.key {_EACH} vertices v ON v.stem = j.value AND v.tail = ?"
_STEMS: Final = f"SELECT s.key, s.text {_EACH} stems s ON s.key = j.value"
_WORDS: Final = f"SELECT w.key, w.text {_EACH} words w ON w.key = j.value"

_Place = tuple[int, int, str]
"""The key of a vertex, that of the stem of its id, and the tail of its id."""

_KEY: Final = itemgetter(0)
_STEM: Final = itemgetter(1)


class KeyedRows:
    """A file for one walk, within a snapshot of it: the key of a row that is removed may become that of another one.

    Args:
        db: The file.
        vertices: Finds vertices by their ids.
    """

    def __init__(self, db: sqlite3.Connection, vertices: VertexRows) -> None:
        self._db = db
        self._vertices = vertices
        self._places: dict[int, _Place] = {}
        # The key of the `*` of each dataset, by the stem of its columns.
        self._wholes: dict[int, int] = {}
        self._stems_seen: set[int] = set()
        # Ids without a vertex have negative keys, which no row has.
        self._missing: dict[str, int] = {}

    def keys(self, ids_: Collection[str]) -> Mapping[str, int]:
        """Returns the keys of ids, also of those that no vertex has."""
        found = self._vertices.find(ids_)
        return {id_: found[id_].key if id_ in found else self._key_of_missing(id_) for id_ in ids_}

    def _key_of_missing(self, id_: str) -> int:
        return self._missing.setdefault(id_, -1 - len(self._missing))

    def hops(self, keys: Collection[int], along: Along) -> list[Hop[int]]:
        """Returns the edges at vertices, each once."""
        return self._rows(_EDGES[along.direction], keys, along.label)

    def wholes(self, columns: Collection[int]) -> Mapping[int, int]:
        """Returns the `*` of the dataset of each column, of the datasets that have one."""
        places = self._placed(columns)
        new = set(map(_STEM, places)) - self._stems_seen
        self._stems_seen |= new
        self._wholes.update(self._rows(_WHOLES, new, WHOLE))
        wholes = self._wholes
        found = {key: wholes[stem] for key, stem, _ in places if stem in wholes} if wholes else {}
        missing = {key: ids.column_of_same_dataset(id_, WHOLE) for id_, key in self._missing.items() if key in columns}
        keys = self.keys(missing.values())
        found.update((key, keys[id_]) for key, id_ in missing.items())
        return found

    def ids(self, keys: Collection[int]) -> IdsByStem[int]:
        """Returns the ids of vertices: by stem the tails, each with the key."""
        by_stem: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
        for key, stem, tail in self._placed(keys):
            by_stem[stem].append((tail, key))
        found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        # Vertices of several labels may have one text, as several stems.
        for stem, text in self._rows(_STEMS, by_stem):
            found[text] += by_stem[stem]
        for id_, key in self._missing.items():
            if key in keys:
                text, tail = cut(id_)
                found[text].append((tail, key))
        return found

    def _placed(self, keys: Collection[int]) -> list[_Place]:
        """Returns the places of those of some vertices that are there."""
        known = self._places
        rows = self._rows(_PLACES, [key for key in keys if key not in known])
        known.update(zip(map(_KEY, rows), rows, strict=True))
        return [known[key] for key in keys if key in known]

    def made(self, makings: Collection[Making], along: Along) -> Mapping[Making, Made]:
        """Returns the properties of edges."""
        words = {word for making in makings for word in making if isinstance(word, int)}
        texts: dict[Any, str] = dict(self._rows(_WORDS, words))
        details = {packed: _detail(texts.get(packed, packed), along.detail) for _, packed in makings}
        return {making: Made(texts.get(making[0], ""), details[making[1]]) for making in makings}

    def _rows(self, select: str, keys: Collection[int], *parameters: str) -> list[Any]:
        """Returns the rows that a statement selects for keys; no rows for none."""
        if not keys:
            return []
        # One array, not a variable for each key: one prepared statement serves any number.
        return self._db.execute(select, (orjson.dumps(list(keys)).decode(), *parameters)).fetchall()


def _detail(packed: Any, key: str) -> str:
    return str(orjson.loads(packed).get(key, "")) if packed is not None else ""
