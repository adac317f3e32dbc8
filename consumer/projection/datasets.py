"""The vertices that show datasets: one for all names of a dataset, with its columns.

Whether a vertex stands under a name, and what it shows, is a projection of all names of the dataset. It is guarded by
the document of the name under which it stands, which is never removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from consumer.graph import ids, schema
from consumer.graph.store import DropOrphans, DropVertices, Edge, GraphStore, Scalar, Step, Vertex
from consumer.lineage.column_types import ALL_TYPED, TYPED, with_types
from consumer.lineage.exposures import exposures_in, without_dropped
from consumer.lineage.facts.delta import NameFacts
from consumer.lineage.facts.facet_values import TextOf, facet_value
from consumer.lineage.lifecycle import Placement
from consumer.lineage.name_groups import Group
from consumer.lineage.views import NodeView, node_view
from consumer.projection import change_records, exposure_edges, fingerprints
from consumer.projection.alias_sets import NameDocuments, Names
from consumer.projection.blobs import BlobStore
from consumer.projection.change_records import DRAWN, EPOCH, Cause
from consumer.projection.documents.fact_document import FactDocument, FactUpdate
from consumer.projection.documents.relied import Relied
from schemas.naming import DatasetName, last_part

REMOVALS = "removals"
"""The property of a name with how often the dataset's vertex was removed, and edges with it."""

SeenAt = Callable[[DatasetName], str]
"""From a name to the time of an event that names it; empty where none does."""

Before = tuple[bool, Mapping[str, str] | None]
"""True if it is known what a dataset showed before; and its columns with their types, None where it was not shown."""

Drafts = Iterator[tuple[DatasetName, FactUpdate[NameFacts]]]


class Identity(NamedTuple):
    """The alias sets of names, and the display name of each.

    Attributes:
        groups: For each name all names of its dataset.
        placements: For each name where its lineage is shown.
        apart: For names that symlinks tie to another dataset, the names of that one.
    """

    groups: Mapping[DatasetName, Group]
    placements: Mapping[DatasetName, Placement]
    apart: Mapping[DatasetName, frozenset[DatasetName]]

    @property
    def shown(self) -> dict[DatasetName, DatasetName]:
        """For each name the one that is shown."""
        return {name: placed.shown for name, placed in self.placements.items()}


class Places(NamedTuple):
    """The ends at which jobs may have outdated edges.

    Attributes:
        columns: Datasets by the name under which they are or were shown, with the ids of their columns.
        names: Names of which something was dropped, renamed or linked otherwise.
    """

    columns: Mapping[DatasetName, Sequence[str]]
    names: Sequence[DatasetName]


class Nodes:
    """The vertices that show datasets."""

    def __init__(self, store: GraphStore, names: Names, texts: BlobStore) -> None:
        self._store = store
        self._names = names
        self._texts = texts

    def identity(self, names: Iterable[DatasetName], relied: Relied) -> Identity:
        """Returns the alias sets of names, and of those that they are or were linked with."""
        groups = self._names.groups(names, relied)
        return Identity(groups, self._names.placements(groups), self._names.apart(groups))

    def draw(self, identity: Identity, relied: Relied, seen_at: SeenAt) -> bool:
        """Brings the vertices of datasets to what is known under their names.

        Args:
            identity: What is shown.
            relied: What was used before.
            seen_at: From a name to the time of an event that names it; empty where none does.

        Returns:
            False if somebody else has changed some of these names meanwhile, so that all has to be looked at again.

        Raises:
            TransientError: The store can't serve now.
        """
        wanted = sorted(name for name, shown in identity.shown.items() if name == shown)

        def plan(known: NameDocuments) -> Drafts:
            late = {name: view for name in known if (view := self._view(name, identity, known[name])) is not None}
            texts = self._texts.fetch(register.ref for view in late.values() for register in view.facets.values())
            columns = {name: _columns(view, texts.__getitem__) for name, view in late.items()}
            before = self._columns_before(known, columns)
            for name, view in late.items():
                cause = self._cause(view, identity, known[name], seen_at)
                made = _Columns(columns[name], before[name])
                yield name, _drawn(view, known[name], identity.placements[name], texts.__getitem__, made, cause)

        return not self._names.documents.update(wanted, plan, relied=relied, retry=False).failed

    def _columns_before(
        self, known: NameDocuments, columns: Mapping[DatasetName, Mapping[str, Mapping[str, Scalar]]]
    ) -> dict[DatasetName, Before]:
        """Returns the columns that datasets showed before, read where they may have changed."""
        changed = [
            name
            for name, of_one in columns.items()
            if known[name].properties.get("projected") and _marks(of_one) != fingerprints.load(known[name].properties)
        ]
        stored = self._store.read([ids.dataset(name) for name in changed], ("columns",)) if changed else {}
        before: dict[DatasetName, Before] = {}
        for name, of_one in columns.items():
            said = stored.get(ids.dataset(name), {}).get("columns") if name in changed else _spelled_columns(of_one)
            before[name] = change_records.shown_columns(known[name].properties, said)
        return before

    def _cause(self, view: NodeView, identity: Identity, document: FactDocument[NameFacts], seen_at: SeenAt) -> Cause:
        """Returns the cause of a change of a dataset's columns."""
        others = self._names.facts(identity.groups[view.name] - {view.name})
        members = [document.facts, *others.values()]
        schema_of = view.facets.get("schema")
        stamp = schema_of.stamp if schema_of is not None else ""
        changed_at = _changed_at(identity.placements[view.name])
        return change_records.cause_of_columns(members, stamp, changed_at, lambda: seen_at(view.name))

    def _view(self, name: DatasetName, identity: Identity, document: FactDocument[NameFacts]) -> NodeView | None:
        """Returns the view of a name, if its vertex does not show it already."""
        facts = {**self._names.facts(identity.groups[name] - {name}), name: document.facts}
        if not any(one.used for one in facts.values()):
            return None
        view = node_view(name, facts)
        facets = without_dropped(view.facets, _changed_at(identity.placements[name]))
        view = view._replace(facets=facets, apart=identity.apart.get(name, view.apart))
        is_drawn = document.properties.get("projected") == _fingerprint(view)
        return view if not is_drawn or document.properties.get("partial") else None

    def columns(self, name: DatasetName) -> Collection[str]:
        """Returns the columns of a dataset that are known to be there, because its schema has them."""
        properties = self._names.documents.get([name])[name].properties
        return fingerprints.load(properties).keys() if not properties.get("partial") else ()

    def moved(self, identity: Identity) -> Places:
        """Returns the places at which jobs may have edges that belong elsewhere by now."""
        known = self._names.documents.get(identity.placements)
        late = {
            name: str(before)
            for name, document in known.items()
            if (before := document.properties.get("shown")) and before != _spelled(identity.placements[name])
        }
        datasets = {DatasetName(*orjson.loads(before)[:2]) for before in late.values()}
        datasets |= {name for name, document in known.items() if _stands(document) and not _is_at_home(name, identity)}
        columns: dict[DatasetName, list[str]] = {name: [] for name in sorted(datasets)}
        by_id = {ids.dataset(name): name for name in columns}
        for edge in self._store.edges_at(list(by_id), schema.COLUMN_OF, "in") if by_id else ():
            columns[by_id[edge.target]].append(edge.source)
        return Places(columns, sorted(late))

    def settle(self, identity: Identity, places: Places, relied: Relied, seen_at: SeenAt) -> bool:
        """Removes the vertices of names that are not shown, and notes under which name each is shown.

        Their jobs must have no edges there any more.

        Args:
            identity: What is shown.
            places: What `moved` returned.
            relied: What was used before.
            seen_at: From a name to the time of an event that names it; empty where none does.

        Returns:
            False if somebody else has changed some of these names meanwhile, so that all has to be looked at again.
        """
        linked_at: dict[Group, str] = {}

        def plan(known: NameDocuments) -> Drafts:
            for name in sorted(known):
                placed, group = identity.placements[name], identity.groups[name]
                if _stands(known[name]) and not _is_at_home(name, identity):
                    at = _changed_at(placed)
                    if not at and group not in linked_at:
                        linked_at[group] = self._linked_at(group)
                    at = at or linked_at[group] or seen_at(name) or EPOCH
                    yield name, _ended(name, known[name], placed, places.columns.get(name, ()), at)
                elif known[name].properties.get("shown") != _spelled(placed):
                    yield name, FactUpdate(known[name].facts, {"shown": _spelled(placed)})

        return not self._names.documents.update(list(identity.placements), plan, relied=relied, retry=False).failed

    def _linked_at(self, group: Group) -> str:
        """Returns the latest time at which a symlinks facet linked one of the names of a dataset; empty if none did."""
        links = (facts.links for facts in self._names.facts(group).values())
        return max((register.stamp.partition(" ")[0] for register in links if register is not None), default="")


class _Columns(NamedTuple):
    """The columns of a dataset.

    Attributes:
        now: The properties of each.
        before: What was shown before.
    """

    now: Mapping[str, dict[str, Scalar]]
    before: Before


def _marks(columns: Mapping[str, Mapping[str, Scalar]]) -> dict[str, int]:
    return {column: fingerprints.mark(properties) for column, properties in columns.items()}


def _spelled_columns(columns: Mapping[str, Mapping[str, Scalar]]) -> str:
    """Names and types of columns, as the `columns` property has them."""
    return _as_json(sorted([name, properties["type"] or None] for name, properties in columns.items()))


def _changed_at(placed: Placement) -> str:
    """When a dataset was dropped or renamed; empty if it was not."""
    return max("" if placed.unused else placed.dropped, placed.renamed)


def _spelled(placed: Placement) -> str:
    """Returns a placement as the `shown` property has it."""
    dropped = f"~{placed.dropped}" if placed.unused else placed.dropped
    changed = [dropped, placed.renamed, placed.to] if placed.changed else []
    return orjson.dumps([*placed.shown, *changed], default=tuple).decode()


def _stands(document: FactDocument[NameFacts]) -> bool:
    """True if a vertex stands under a name."""
    return bool(document.properties.get("projected") or document.properties.get("partial"))


def removals(document: FactDocument[NameFacts]) -> int:
    """Returns how often the dataset's vertex under a name was removed."""
    return int(document.properties.get(REMOVALS) or 0)


def _is_at_home(name: DatasetName, identity: Identity) -> bool:
    placed = identity.placements[name]
    return placed.shown == name and not placed.unused


def _ended(
    name: DatasetName, document: FactDocument[NameFacts], placed: Placement, columns: Sequence[str], at: str
) -> FactUpdate[NameFacts]:
    """Returns the draft that removes the vertex under a name, and records it.

    Args:
        name: The name.
        document: Its document, before.
        placed: Where its lineage is shown by now.
        columns: The ids of the vertex's columns.
        at: Event time since which it is shown there.
    """
    properties: dict[str, Scalar] = {"shown": _spelled(placed)}
    properties |= {"projected": "", "elements": "", "filled": "", "partial": False}
    properties[REMOVALS] = removals(document) + 1
    properties |= exposure_edges.emptied(document.properties)
    if document.properties.get(DRAWN):
        properties[DRAWN] = ""
    shown = None if placed.unused or placed.shown == name else placed.shown
    has_stood = change_records.has_stood(document.properties)
    record = change_records.of_gone(name, document.token, shown, Cause(at)) if has_stood else ()
    last = tuple(exposure_edges.lonely(exposure_edges.made(document.properties)))
    return FactUpdate(document.facts, properties, (DropVertices((*columns, ids.dataset(name))), *record), last)


def _fingerprint(view: NodeView) -> str:
    refs = sorted(view.facets.refs().items())
    apart = (sorted(view.apart),) if view.apart else ()
    return fingerprints.fingerprint((view.name, sorted(view.aliases), refs, *apart))


def _fields(fields: Sequence[Mapping[str, Any]], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field in fields:
        name = f"{prefix}{field['name']}"
        yield name, field
        yield from _fields(field.get("fields") or (), f"{name}.")


def _columns(view: NodeView, text: TextOf) -> dict[str, dict[str, Scalar]]:
    """Returns the properties of a dataset's columns, by name."""
    merged: Any = with_types(*(facet_value(view.facets, key, text) for key in ("schema", TYPED, ALL_TYPED)))
    columns: dict[str, dict[str, Scalar]] = {}
    tags = _column_tags(facet_value(view.facets, "tags", text))
    for position, (name, field) in enumerate(_fields(merged.get("fields") or ())):
        columns[name] = {"name": name, "in_schema": True, "position": position}
        for key in ("type", "description"):
            columns[name][key] = str(field.get(key) or "")
        if name.lower() in tags:
            columns[name]["tags"] = _as_json(tags[name.lower()])
    return columns


def _column_tags(facet: Mapping[str, Any]) -> Mapping[str, list[Any]]:
    """Returns the tags of columns, by the column's name in lower case."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for tag in facet.get("tags") or ():
        if tag.get("field"):
            found[str(tag["field"]).lower()].append({key: value for key, value in tag.items() if key != "field"})
    return found


def _as_json(value: object) -> str:
    return orjson.dumps(value, default=tuple, option=orjson.OPT_SORT_KEYS).decode() if value else ""


def _properties(view: NodeView, columns: Mapping[str, Mapping[str, Scalar]], text: TextOf) -> dict[str, Scalar]:
    """Returns the properties of a dataset's vertex; an empty one is not set."""

    def facet(key: str) -> Any:
        return facet_value(view.facets, key, text)

    return {
        "namespace": view.name.namespace,
        "name": view.name.name,
        "node_name": last_part(view.name),
        "aliases": _as_json(sorted(view.aliases)),
        "apart": _as_json(sorted(view.apart)),
        "columns": _spelled_columns(columns),
        "description": str(facet("documentation").get("description") or ""),
        "owners": _as_json(facet("ownership").get("owners")),
        "tags": _as_json(facet("tags").get("tags")),
        "lifecycle": str(facet("lifecycleStateChange").get("lifecycleStateChange") or ""),
        "quality": _as_json(facet("dataQualityAssertions").get("assertions")),
        "statistics": _as_json(facet("outputStatistics")),
        "storage": _as_json(facet("storage")),
        "version": str(facet("version").get("datasetVersion") or ""),
        "materialized": str((facet("dbt_model").get("config") or {}).get("materialized") or ""),
        "source_uri": str(facet("dataSource").get("uri") or ""),
    }


def _drawn(
    view: NodeView, document: FactDocument[NameFacts], placed: Placement, text: TextOf, made: _Columns, cause: Cause
) -> FactUpdate[NameFacts]:
    """Returns the draft that brings a dataset's vertex and columns to a view, and records the change."""
    columns = made.now
    properties = _properties(view, columns, text)
    said = {key: value for key, value in properties.items() if value}
    trusted = not document.properties.get("partial")
    # What was there and is no more becomes empty; what never was is not written, unless anything may be there.
    filled = orjson.loads(str(document.properties.get("filled") or "[]")) if trusted else properties
    emptied = {key: "" for key in filled if key not in said}
    before = fingerprints.load(document.properties)
    after = _marks(columns)
    node = Vertex(ids.dataset(view.name), schema.NODE, {**said, **emptied})
    gone = tuple(ids.column(view.name, column) for column in sorted(before) if column not in columns)
    exposed = exposure_edges.drawing(view.name, exposures_in(view.facets, text).values(), document.properties)
    projection: dict[str, Scalar] = {
        "projected": _fingerprint(view),
        "elements": fingerprints.dump(after),
        "filled": orjson.dumps(sorted(said)).decode(),
        "partial": False,
        **exposed.properties,
    }
    if not document.properties.get("shown"):
        projection["shown"] = _spelled(placed)
    if document.properties.get(DRAWN):
        projection[DRAWN] = ""
    types = {column: str(properties["type"]) for column, properties in columns.items()}
    record = change_records.of_dataset(view.name, document.token, made.before, types, cause)
    return FactUpdate(
        document.facts,
        projection,
        (node, *_steps(view.name, columns, after, before, trusted=trusted), *_out_of_schema(gone), *exposed.steps),
        (*record, *((DropOrphans(gone, "in_schema", schema.COLUMN_EDGE),) if gone else ()), *exposed.last),
        lambda: {
            "projected": "",
            "elements": fingerprints.dump({**before, **after}),
            "partial": True,
            DRAWN: change_records.kept_columns(made.before),
            **exposed.begin,
        },
        {DRAWN: ""},
    )


def _out_of_schema(columns: Iterable[str]) -> Iterator[Step]:
    # One that was never made, as a projection ended half-way, has no name: it is made here, and dropped at the end.
    for id_ in columns:
        yield Vertex(id_, schema.COLUMN, {"name": ids.parse(id_)[-1], "in_schema": False})


def _steps(
    name: DatasetName,
    columns: Mapping[str, dict[str, Scalar]],
    wanted: Mapping[str, int],
    before: Mapping[str, int],
    *,
    trusted: bool,
) -> Iterator[Step]:
    for column, properties in columns.items():
        if trusted and before.get(column) == wanted[column]:
            continue
        # Few columns have tags, so the property is set to nothing only where it may be there.
        emptied = {"tags": ""} if column in before or not trusted else {}
        yield Vertex(ids.column(name, column), schema.COLUMN, {**emptied, **properties})
        yield column_of(name, column)


def column_of(name: DatasetName, column: str) -> Edge:
    """Returns the edge from a column to its dataset."""
    id_ = ids.column(name, column)
    return Edge(ids.column_of(id_), schema.COLUMN_OF, id_, ids.dataset(name), {})
