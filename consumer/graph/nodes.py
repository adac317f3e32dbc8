"""The vertices that show datasets: one for all names of a dataset, with its columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from cachetools import LRUCache

from consumer.errors import TransientError
from consumer.graph import ids, marks, model
from consumer.graph.documents import MOST_TRIES
from consumer.graph.names import Group, Names
from consumer.graph.sending import Sending
from consumer.graph.store import (
    Absent,
    Change,
    Condition,
    DropLonely,
    DropVertices,
    Edge,
    GraphStore,
    Is,
    Scalar,
    Step,
    Vertex,
)
from consumer.graph.texts import Texts
from consumer.lineage.registers import EMPTY
from consumer.lineage.views import NodeView, TextOf, facet_value, node_view
from schemas.naming import DatasetName, last_part


class _Known(NamedTuple):
    """What the store is known to hold of a vertex: a lower bound."""

    stamp: int
    complete: bool
    columns: dict[str, int]


_PER_COLUMN = 150
_AT_LEAST = 500
"""Bytes of memory, about."""


def _size(known: _Known) -> int:
    return _AT_LEAST + _PER_COLUMN * len(known.columns)


_NOTHING = _Known(0, complete=False, columns={})


class Nodes:
    """The vertices that show datasets."""

    def __init__(self, store: GraphStore, names: Names, texts: Texts, cached: int) -> None:
        self._store = store
        self._names = names
        self._texts = texts
        self._known: LRUCache[DatasetName, _Known] = LRUCache(cached, getsizeof=_size)

    def draw(self, groups: Iterable[Group]) -> None:
        """Brings the vertices of datasets to what their facts say.

        Raises:
            TransientError: The store can't serve now, or others change the same vertices all the time.
        """
        waiting = {self._names.shown(group): group for group in groups}
        for _ in range(MOST_TRIES):
            waiting = self._draw(waiting)
            if not waiting:
                return
        raise TransientError(f"{len(waiting)} {model.NODE} vertices are changed by others all the time")

    def _draw(self, wanted: Mapping[DatasetName, Group]) -> dict[DatasetName, Group]:
        """Draws what lags behind; returns what has to be looked at again, since somebody else changed it."""
        stamps = dict(zip(wanted, self._names.stamps(wanted.values()), strict=True))
        known = self._read(wanted)
        late = [
            name
            for name in wanted
            if known[name].stamp < stamps[name] or (known[name].stamp == stamps[name] and not known[name].complete)
        ]
        if not late:
            return {}
        facts = self._names.facts([wanted[name] for name in late])
        views = {name: node_view(name, members) for name, members in zip(late, facts, strict=True)}
        texts = self._texts.fetch(register.ref for view in views.values() for register in view.facets.values())
        sending = Sending(self._store)
        for name in late:
            columns = _columns(views[name], texts.__getitem__)
            after = _Known(
                stamps[name],
                complete=True,
                columns={column: marks.mark(properties) for column, properties in columns.items()},
            )
            sending.add(_changes(views[name], columns, known[name], after, texts.__getitem__))
            self._keep(name, after)
        failed = sending.finish()
        again = {name: wanted[name] for name in late if ids.dataset(name) in failed}
        for name in again:
            self._forget(name)
        return again

    def _read(self, names: Iterable[DatasetName]) -> dict[DatasetName, _Known]:
        found = {name: self._known[name] for name in names if name in self._known}
        unknown = {ids.dataset(name): name for name in names if name not in found}
        stored = self._store.read(list(unknown), ("stamp", "viewed", "holds")) if unknown else {}
        for id_, name in unknown.items():
            properties = stored.get(id_)
            found[name] = _NOTHING if properties is None else _of(properties)
        return found

    def columns(self, name: DatasetName) -> Collection[str]:
        """The columns of a dataset that are known to be there, because its schema has them."""
        known = self._known.get(name)
        return known.columns if known is not None and known.complete else ()

    def standing(self, names: Sequence[DatasetName]) -> dict[DatasetName, list[str]]:
        """Of names, those that a vertex shows, each with the ids of its columns."""
        stored = self._store.read([ids.dataset(name) for name in names], ("stamp",)) if names else {}
        found = [name for name in names if ids.dataset(name) in stored]
        columns: dict[DatasetName, list[str]] = {name: [] for name in found}
        by_id = {ids.dataset(name): name for name in found}
        for edge in self._store.edges_at(list(by_id), model.COLUMN_OF, "in") if found else ():
            columns[by_id[edge.target]].append(edge.source)
        return columns

    def drop(self, standing: Mapping[DatasetName, Sequence[str]]) -> None:
        """Removes the vertices of names that are shown under another one now, with their columns."""
        waiting = dict(standing)
        for _ in range(MOST_TRIES):
            if not waiting:
                return
            heirs = self._names.shown_as(waiting)
            known = self._read(heirs.values())
            changes: dict[DatasetName, Change] = {}
            for name, columns in waiting.items():
                heir = heirs[name]
                token = Is("stamp", known[heir].stamp)
                doomed = DropVertices((*columns, ids.dataset(name)))
                changes[name] = Change(Vertex(ids.dataset(heir), model.NODE, {}), token, token, (doomed,))
            failed = self._store.write(list(changes.values()))
            waiting = {name: columns for name, columns in waiting.items() if ids.dataset(heirs[name]) in failed}
            for name in standing:
                self._forget(name)
                self._forget(heirs.get(name, name))
        raise TransientError(f"{len(waiting)} {model.NODE} vertices are changed by others all the time")

    def _keep(self, name: DatasetName, known: _Known) -> None:
        self._forget(name)
        if _size(known) <= self._known.maxsize:
            self._known[name] = known

    def _forget(self, name: DatasetName) -> None:
        self._known.pop(name, None)


def _of(properties: Mapping[str, Scalar]) -> _Known:
    stamp = int(properties["stamp"])
    return _Known(stamp, properties.get("viewed") == stamp, marks.load(properties))


def _fields(fields: Sequence[Mapping[str, Any]], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field in fields:
        name = f"{prefix}{field['name']}"
        yield name, field
        yield from _fields(field.get("fields") or (), f"{name}.")


def _columns(view: NodeView, text: TextOf) -> dict[str, dict[str, Scalar]]:
    """The properties of a dataset's columns, by name."""
    schema: Any = facet_value(view.facets, "schema", text)
    columns: dict[str, dict[str, Scalar]] = {}
    for position, (name, field) in enumerate(_fields(schema.get("fields") or ())):
        columns[name] = {"name": name, "in_schema": True, "position": position}
        for key in ("type", "description"):
            columns[name][key] = str(field.get(key) or "")
    return columns


def _properties(view: NodeView, columns: Mapping[str, Mapping[str, Scalar]], text: TextOf) -> dict[str, Scalar]:
    """The properties of a dataset's vertex; an empty one is not set."""

    def facet(key: str) -> Any:
        return facet_value(view.facets, key, text)

    def as_json(value: object) -> str:
        return orjson.dumps(value, default=tuple, option=orjson.OPT_SORT_KEYS).decode() if value else ""

    return {
        "namespace": view.name.namespace,
        "name": view.name.name,
        "node_name": last_part(view.name),
        "aliases": as_json(sorted(view.aliases)),
        "columns": as_json(sorted([name, properties["type"] or None] for name, properties in columns.items())),
        "description": str(facet("documentation").get("description") or ""),
        "owners": as_json(facet("ownership").get("owners")),
        "tags": as_json(facet("tags").get("tags")),
        "lifecycle": str(facet("lifecycleStateChange").get("lifecycleStateChange") or ""),
        "quality": as_json(facet("dataQualityAssertions").get("assertions")),
        "statistics": as_json(facet("outputStatistics")),
        "storage": as_json(facet("storage")),
        "version": str(facet("version").get("datasetVersion") or ""),
        "materialized": str((facet("dbt_model").get("config") or {}).get("materialized") or ""),
        "source_uri": str(facet("dataSource").get("uri") or ""),
    }


def _changes(
    view: NodeView, columns: Mapping[str, dict[str, Scalar]], known: _Known, after: _Known, text: TextOf
) -> list[Change]:
    """What brings a dataset's vertex and its columns to a view; in one change where it is small enough."""
    id_ = ids.dataset(view.name)
    stamp = after.stamp
    steps = list(_steps(view.name, columns, after.columns, known))
    properties = _properties(view, columns, text)
    said = {key: value for key, value in properties.items() if value != EMPTY}
    empty = tuple(key for key in properties if key not in said)
    first: dict[str, Scalar] = {**said, "stamp": stamp}
    when: Condition = Is("stamp", known.stamp) if known.stamp else Absent()
    last: dict[str, Scalar] = {"viewed": stamp, "holds": marks.dump(after.columns)}
    token = Is("stamp", stamp)
    if len(steps) <= marks.STEPS_PER_CHANGE:
        begin = Vertex(id_, model.NODE, {**first, **last})
        return [Change(begin, when, token, tuple(steps), empty)]
    begin = Vertex(id_, model.NODE, {**first, "holds": marks.dump({**known.columns, **after.columns})})
    return [
        Change(begin, when, token, (), empty),
        *(Change(Vertex(id_, model.NODE, {}), token, token, chunk) for chunk in marks.chunks(steps)),
        Change(Vertex(id_, model.NODE, last), token, token),
    ]


def _steps(
    name: DatasetName, columns: Mapping[str, dict[str, Scalar]], wanted: Mapping[str, int], known: _Known
) -> Iterator[Step]:
    for column, properties in columns.items():
        if known.complete and known.columns.get(column) == wanted[column]:
            continue
        id_ = ids.column(name, column)
        yield Vertex(id_, model.COLUMN, properties)
        yield column_of(name, column)
    gone = tuple(ids.column(name, column) for column in known.columns if column not in columns)
    if gone:
        yield from (Vertex(id_, model.COLUMN, {"in_schema": False}) for id_ in gone)
        yield DropLonely(gone, "in_schema", model.COLUMN_EDGE)


def column_of(name: DatasetName, column: str) -> Edge:
    """The edge from a column to its dataset."""
    return Edge(ids.make("column_of", *name, column), model.COLUMN_OF, ids.column(name, column), ids.dataset(name), {})
