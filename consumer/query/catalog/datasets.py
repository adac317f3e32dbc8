"""Properties of datasets, read in batches: the parts that several answers share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from consumer.graph import ids, schema
from consumer.graph.facts.packed_text import unpack
from consumer.graph.store import GraphStore, Properties
from consumer.lineage.views import ENGINES
from schemas.naming import DatasetName, engine, last_part

SUMMARY_KEYS = ("namespace", "name", "description", "owners", "tags", "materialized", "lifecycle", "quality")
"""The properties that a summary is made of."""


class Tag(NamedTuple):
    """A tag of a dataset or of one of its columns.

    Attributes:
        key: Its name; for dbt's `meta`, the key.
        value: Its value; `true` for dbt's tags.
        source: Where it comes from, such as `DBT`, `DBT_META`.
        column: The tagged column; None where the dataset is tagged.
    """

    key: str
    value: str
    source: str = ""
    column: str | None = None

    @property
    def text(self) -> str:
        """The tag as people write it: `pii`, or `tier=2`."""
        return self.key if self.value.casefold() in {"", "true"} else f"{self.key}={self.value}"


_PAGE = 500
"""Vertices that are read at once."""


class TestResult(NamedTuple):
    """The last result of a test or assertion.

    Attributes:
        name: Name of the test; that of the assertion where it has none.
        assertion: The assertion, such as `not_null`.
        column: The tested column; None where the dataset is tested.
        success: True if it passed.
        severity: `error` or `warn`; empty where unknown.
    """

    name: str
    assertion: str
    column: str | None
    success: bool
    severity: str = ""


class Summary(NamedTuple):
    """A dataset in a list: enough to recognise it, its owners, and whether its tests pass.

    Attributes:
        dataset: Its display name.
        description: Its description; empty where there is none.
        owners: Names of its owners, sorted.
        tags: Its own tags and those of its columns.
        materialized: dbt's materialization; empty where unknown.
        lifecycle: The last lifecycle state change, such as `DROP`; empty where there was none.
        tests: The last result of each test.
    """

    dataset: DatasetName
    description: str = ""
    owners: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    materialized: str = ""
    lifecycle: str = ""
    tests: tuple[TestResult, ...] = ()

    @property
    def node_name(self) -> str:
        """The last part of its name."""
        return last_part(self.dataset)

    @property
    def engine(self) -> str:
        """The name of its engine: Athena, Redshift, or the scheme of its namespace."""
        kind = engine(self.dataset.namespace)
        return ENGINES[kind] if kind else self.dataset.namespace.partition(":")[0]

    @property
    def failed_tests(self) -> tuple[TestResult, ...]:
        """The tests whose last result was a failure."""
        return tuple(test for test in self.tests if not test.success)


class Outcome(StrEnum):
    """Test results that are asked for."""

    ALL = "all"
    FAILED = "failed"
    PASSED = "passed"

    def includes(self, test: TestResult) -> bool:
        """True if a result is asked for."""
        return self is Outcome.ALL or test.success == (self is Outcome.PASSED)


def with_results(store: GraphStore, cursor: str, limit: int, outcome: Outcome) -> tuple[list[Summary], str | None]:
    """Reads a page of datasets that have test results, each with those that are asked for.

    Args:
        store: The graph.
        cursor: The cursor that the page before gave; empty for the first page.
        limit: Maximum number of datasets.
        outcome: The results that are asked for.

    Returns:
        The datasets in the order of their ids, and the cursor of the next page; None at the end.

    Raises:
        TransientError: The store can't serve now.
    """
    found: list[Summary] = []
    while True:
        page = store.ids(schema.NODE, cursor, _PAGE)
        known = store.read(page, SUMMARY_KEYS) if page else {}
        for id_ in page:
            # An exposure is a node too, and has no tests.
            properties = known.get(id_, {})
            tests = tuple(filter(outcome.includes, tests_of(properties)))
            if tests:
                found.append(summary_of(ids.dataset_name(id_), properties)._replace(tests=tests))
            if len(found) == limit:
                return found, id_
        if len(page) < _PAGE:
            return found, None
        cursor = page[-1]


def summaries(store: GraphStore, datasets: Collection[DatasetName]) -> dict[DatasetName, Summary]:
    """Reads the summaries of datasets, by name; one that the graph does not show has only its name.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.dataset(name): name for name in datasets}
    known = store.read(list(by_id), SUMMARY_KEYS) if by_id else {}
    return {name: summary_of(name, known.get(id_, {})) for id_, name in by_id.items()}


def summary_of(name: DatasetName, properties: Properties) -> Summary:
    """Makes a summary from the properties of a dataset's vertex."""
    return Summary(
        name,
        str(properties.get("description") or ""),
        owners_of(properties),
        tags_of(properties),
        str(properties.get("materialized") or ""),
        str(properties.get("lifecycle") or ""),
        tests_of(properties),
    )


def parsed(properties: Properties, key: str) -> list[Any]:
    """Reads a property that is a JSON list; empty where it is not set."""
    text = properties.get(key)
    value = orjson.loads(str(text)) if text else []
    return value if isinstance(value, list) else []


def owners_of(properties: Properties) -> tuple[str, ...]:
    """Reads the names of a dataset's owners, sorted."""
    return tuple(sorted({str(owner["name"]) for owner in parsed(properties, "owners") if owner.get("name")}))


def tags_of(properties: Properties) -> tuple[Tag, ...]:
    """Reads the tags of a dataset and of its columns, sorted."""
    tags = (
        Tag(str(tag["key"]), str(tag.get("value") or ""), str(tag.get("source") or ""), tag.get("field") or None)
        for tag in parsed(properties, "tags")
        if tag.get("key")
    )
    return tuple(sorted(tags, key=lambda tag: (tag.column or "", tag.key, tag.value)))


def tests_of(properties: Properties) -> tuple[TestResult, ...]:
    """Reads the last test results of a dataset, failures first, then by column and name."""
    tests = [
        TestResult(
            str(test.get("name") or test.get("assertion") or ""),
            str(test.get("assertion") or ""),
            test.get("column") or None,
            bool(test.get("success")),
            str(test.get("severity") or ""),
        )
        for test in parsed(properties, "quality")
    ]
    return tuple(sorted(tests, key=lambda test: (test.success, test.column or "", test.name)))


def producers(store: GraphStore, datasets: Iterable[DatasetName]) -> dict[DatasetName, list[str]]:
    """Reads the ids of the jobs that currently write datasets, sorted."""
    return _jobs_at(store, datasets, schema.WRITES)


def readers(store: GraphStore, datasets: Iterable[DatasetName]) -> dict[DatasetName, list[str]]:
    """Reads the ids of the jobs that currently read datasets, sorted."""
    return _jobs_at(store, datasets, schema.READS)


def _jobs_at(store: GraphStore, datasets: Iterable[DatasetName], label: str) -> dict[DatasetName, list[str]]:
    by_id = {ids.dataset(name): name for name in datasets}
    found: defaultdict[DatasetName, list[str]] = defaultdict(list)
    direction, near = ("in", "target") if label == schema.WRITES else ("out", "source")
    edges = store.edges_at(list(by_id), label, direction) if by_id else []  # type: ignore[arg-type]
    for edge in edges:
        job = edge.source if near == "target" else edge.target
        found[by_id[edge.target if near == "target" else edge.source]].append(job)
    return {name: sorted(jobs) for name, jobs in found.items()}


def texts_of(store: GraphStore, refs: Iterable[str]) -> Mapping[str, str]:
    """Reads long values, by their references."""
    by_id = {ids.facet(ref): ref for ref in refs}
    known = store.read(list(by_id), ("text",)) if by_id else {}
    return {by_id[id_]: unpack(str(properties["text"])) for id_, properties in known.items()}


def display_names(store: GraphStore, names: Iterable[DatasetName]) -> dict[DatasetName, DatasetName]:
    """Reads under which name each dataset is shown, by any of its names in canonical form.

    Raises:
        TransientError: The store can't serve now.
    """
    by_id = {ids.name(name): name for name in names}
    known = store.read(list(by_id), ("shown",)) if by_id else {}
    shown = {by_id[id_]: orjson.loads(str(properties.get("shown") or "[]")) for id_, properties in known.items()}
    return {name: DatasetName(*shown[name][:2]) if shown.get(name) else name for name in by_id.values()}
