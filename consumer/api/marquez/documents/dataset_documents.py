"""Datasets as Marquez shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from consumer.api.marquez.documents.spelling import UNKNOWN_TIME, Document, dataset_version, name
from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Properties
from consumer.graph.stored_facts import unpacked
from consumer.lineage.column_lineage import WHOLE
from consumer.lineage.facts.keys import RunKey
from consumer.query.catalog.datasets import parsed, tags_of
from consumer.query.catalog.versions import newest_versions
from schemas.naming import DatasetName


class Times(NamedTuple):
    """The oldest and the newest moment from which the graph has something about a thing; empty where unknown."""

    created: str = ""
    updated: str = ""

    def document(self) -> Document:
        """Returns both as Marquez has them."""
        return {"createdAt": self.created or UNKNOWN_TIME, "updatedAt": self.updated or UNKNOWN_TIME}

    def joined(self, *moments: str) -> Times:
        """Returns the times with further moments; empty ones don't count."""
        known = sorted(filter(None, (*self, *moments)))
        return Times(known[0], known[-1]) if known else self


def read_nodes(store: GraphStore, names: Collection[DatasetName]) -> dict[DatasetName, Properties]:
    """Reads the properties of datasets; those that the graph does not show are left out.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.dataset(one): one for one in names}
    found = store.read(list(by_id)) if by_id else {}
    return {by_id[id_]: properties for id_, properties in found.items()}


def node_data(name_: DatasetName, properties: Properties, times: Times, modified: str = "") -> Document:
    """Returns a dataset as a node of a lineage graph has it.

    Args:
        name_: Its name.
        properties: Those of its vertex.
        times: Since when it is known, and until when.
        modified: When it was written last; empty where unknown.
    """
    return {
        "id": name(name_),
        "type": "DB_TABLE",
        "name": name_.name,
        "physicalName": name_.name,
        **times.document(),
        "namespace": name_.namespace,
        "sourceName": name_.namespace,
        "fields": _fields(properties, {}),
        "tags": sorted(tag.text for tag in tags_of(properties) if tag.column is None),
        "lastModifiedAt": modified or None,
        "lastLifecycleState": str(properties.get("lifecycle") or ""),
        "description": str(properties.get("description") or "") or None,
    }


def _fields(properties: Properties, descriptions: Mapping[str, str]) -> list[Document]:
    tags: defaultdict[str | None, list[str]] = defaultdict(list)
    for tag in sorted(tags_of(properties), key=lambda tag: tag.text):
        tags[tag.column].append(tag.text)
    return [
        {
            "name": column,
            "type": kind or None,
            "tags": tags[column],
            "description": descriptions.get(column) or None,
        }
        for column, kind in parsed(properties, "columns")
    ]


def documents(store: GraphStore, known: Mapping[DatasetName, Properties]) -> list[Document]:
    """Returns datasets as lists and single answers have them, without column lineage.

    Args:
        store: The graph.
        known: The properties of their vertices.

    Raises:
        TransientError: The store can't serve now.
    """
    times, texts, newest = dataset_times(store, known), _descriptions(store, known), newest_versions(store, known)
    return [_document(one, known[one], times[one], texts.get(one, {}), newest.get(one)) for one in known]


def _document(
    name_: DatasetName,
    properties: Properties,
    times: Times,
    descriptions: Mapping[str, str],
    newest: tuple[RunKey, str] | None,
) -> Document:
    run, ended_at = newest or (None, "")
    return {
        **node_data(name_, properties, times.joined(ended_at), ended_at),
        "fields": _fields(properties, descriptions),
        "currentVersion": dataset_version(name_, run),
        "columnLineage": None,
        "facets": facets(properties),
        "deleted": False,
    }


def facets(properties: Properties) -> Document:
    """Returns the facets that the graph keeps in the form of an event's."""
    found: dict[str, Any] = {
        "ownership": {"owners": parsed(properties, "owners")},
        "dataQualityAssertions": {"assertions": parsed(properties, "quality")},
    }
    for key, facet in (("statistics", "outputStatistics"), ("storage", "storage")):
        if properties.get(key):
            found[facet] = orjson.loads(str(properties[key]))
    return {facet: value for facet, value in found.items() if any(value.values())}


def _descriptions(store: GraphStore, names: Collection[DatasetName]) -> dict[DatasetName, dict[str, str]]:
    """Reads the descriptions of columns, by dataset and column."""
    by_id = {ids.dataset(one): one for one in names}
    edges = store.edges_at(list(by_id), schema.COLUMN_OF, "in") if by_id else []
    known = store.read([edge.source for edge in edges], ("name", "description")) if edges else {}
    found: defaultdict[DatasetName, dict[str, str]] = defaultdict(dict)
    for edge in edges:
        column = known.get(edge.source, {})
        if column.get("description") and column.get("name") != WHOLE:
            found[by_id[edge.target]][str(column["name"])] = str(column["description"])
    return dict(found)


def dataset_times(store: GraphStore, known: Mapping[DatasetName, Properties]) -> dict[DatasetName, Times]:
    """Reads the times of what is in force of datasets' facets, under all of their names.

    Raises:
        TransientError: The store can't serve now.
    """
    names = {one: [one, *_aliases(properties)] for one, properties in known.items()}
    of_names = [ids.name(alias) for aliases in names.values() for alias in aliases]
    facts = store.read(of_names, facts_codec.KEYS) if of_names else {}

    def moments(aliases: Sequence[DatasetName]) -> list[str]:
        return [moment for alias in aliases for moment in _moments(facts.get(ids.name(alias), {}))]

    return {one: Times().joined(*moments(aliases)) for one, aliases in names.items()}


def _aliases(properties: Properties) -> list[DatasetName]:
    return [DatasetName(*alias) for alias in parsed(properties, "aliases")]


def _moments(properties: Properties) -> list[str]:
    if "facts" not in properties:
        return []
    facts = facts_codec.load_name(unpacked(properties))
    stamps = [register.stamp for register in facts.heard.values()]
    stamps += [winner.carried.stamp for winner in facts.written.values()]
    return [stamp.partition(" ")[0] for stamp in stamps]
