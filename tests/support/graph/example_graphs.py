"""Graphs to ask and to draw, made the way all are: from events, by the writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.lineage.identity import NO_RULES, IdentityRules
from consumer.projection.graph_writer import GraphWriter
from tests.support.graph.graph_of_events import folded

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
REDSHIFT = "redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439"
GLUE = "arn:aws:glue:us-east-1:123456789012"
DEMO_RULES = IdentityRules.of([[f"{GLUE}/imdb_stg", "redshift://127.0.0.1:15440/dev.imdb_stg"]])

Name = tuple[str, str]
Columns = Mapping[str, Sequence[tuple[Name, str]]]
"""By target column its sources; the target column `*` is the whole dataset, the source column `*` a whole source."""


def table(name: str, schema: str = "s") -> Name:
    """A table in the one Redshift of these graphs."""
    return REDSHIFT, f"dev.{schema}.{name}"


def job(
    target: Name,
    *sources: Name,
    columns: Columns | None = None,
    name: str | None = None,
    facets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The event of a dbt model that makes a target from sources, and says how its columns come about."""
    lineage = {"columnLineage": _column_lineage(columns)} if columns else {}
    return {
        "eventTime": "2026-01-01T00:00:00Z",
        "job": {
            "namespace": "dbt",
            "name": name or f"model.p.{target[1]}",
            "facets": {"jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": "MODEL"}},
        },
        "inputs": [{"namespace": namespace, "name": called} for namespace, called in sources],
        "outputs": [{"namespace": target[0], "name": target[1], "facets": {**lineage, **(facets or {})}}],
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
    }


def _column_lineage(columns: Columns) -> dict[str, Any]:
    def sources(found: Sequence[tuple[Name, str]]) -> list[dict[str, Any]]:
        kinds = [{"type": "DIRECT", "subtype": "IDENTITY"}]
        return [
            {"namespace": name[0], "name": name[1], "field": field, "transformations": kinds} for name, field in found
        ]

    return {
        "fields": {name: {"inputFields": sources(found)} for name, found in columns.items() if name != "*"},
        "dataset": sources(columns.get("*", ())),
    }


def graph(events: Iterable[Any], rules: IdentityRules | None = None) -> SqliteStore:
    """The graph of events, in memory."""
    store = SqliteStore(Path(":memory:"))
    fill(store, events, rules)
    return store


def fill(store: GraphStore, events: Iterable[Any], rules: IdentityRules | None = None) -> None:
    """Writes events into a store."""
    known = rules or NO_RULES
    GraphWriter(store, rules=known).apply(folded(events, known))


def demo() -> SqliteStore:
    """The graph of real runs of dbt: Athena makes what Redshift reads."""
    return graph(demo_events(), DEMO_RULES)


def demo_events() -> Iterator[Any]:
    """The events of these runs."""
    files = (SAMPLES / "events_athena.jsonl", SAMPLES / "events_redshift_withcatalog.jsonl")
    return (orjson.loads(line) for file in files for line in file.read_bytes().splitlines())
