"""Datasets with failed tests, and the event time of the results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from consumer.graph import facts_codec, ids, schema
from consumer.graph.store import GraphStore, Properties
from consumer.graph.stored_facts import unpacked
from consumer.lineage.views import dataset_facets
from consumer.query.catalog import datasets
from schemas.naming import DatasetName

PAGE: Final = 500

_FACET: Final = "dataQualityAssertions"


def failing_datasets(store: GraphStore) -> dict[DatasetName, str]:
    """Reads the datasets with a failed test, each with the event time of its results.

    Raises:
        TransientError: The store can't serve now.
    """
    found: dict[DatasetName, list[DatasetName]] = {}
    for page in _pages(store):
        known = store.read(page, ("quality", "aliases", "namespace", "name"))
        found |= {_name(one): _names(one) for one in known.values() if _fails(one)}
    return {name: _since(store, names) for name, names in found.items()}


def _pages(store: GraphStore) -> Iterator[list[str]]:
    last = ""
    while page := store.ids(schema.NODE, last, PAGE):
        yield page
        last = page[-1]


def _fails(properties: Properties) -> bool:
    return any(not test.success for test in datasets.tests_of(properties))


def _name(properties: Properties) -> DatasetName:
    return DatasetName(str(properties["namespace"]), str(properties["name"]))


def _names(properties: Properties) -> list[DatasetName]:
    return [_name(properties), *(DatasetName(*alias) for alias in datasets.parsed(properties, "aliases"))]


def _since(store: GraphStore, names: list[DatasetName]) -> str:
    """Returns the time of the facet's stamp, over all names of the dataset."""
    known = store.read([ids.name(name) for name in names], facts_codec.KEYS)
    members = [facts_codec.load_name(unpacked(one)) for one in known.values() if one.get("facts")]
    register = dataset_facets(members).get(_FACET)
    return register.stamp.partition(" ")[0] if register is not None else ""
