"""What dbt leaves of a project, written by hand: as small as a test needs it, and the article's two real manifests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emitter.dbt.backfill import Artifacts, DatasetLocation, Event, Manifest, events

ARTICLE = Path(__file__).parents[2] / "data" / "article"
AT = "2026-11-21T05:00:00.000000Z"
ATHENA = DatasetLocation("awsathena://athena.us-east-1.amazonaws.com", "arn:aws:glue:us-east-1:123456789012")
REDSHIFT = DatasetLocation("redshift://wg.123456789012.us-east-1.redshift-serverless.amazonaws.com:5439")
IDENTITY = ["arn:aws:glue:us-east-1:123456789012/imdb", f"{REDSHIFT.namespace}/main.imdb"]
"""The article's Athena project writes the schema that its Redshift project has as a source."""


def node(unique_id: str, *parents: str, **more: Any) -> dict[str, Any]:
    """A node of the manifest; its alias is the last part of its id, its schema `s`, its database `d`."""
    kind, package, *_, name = unique_id.split(".")
    return {
        "unique_id": unique_id,
        "resource_type": kind,
        "package_name": package,
        "name": name,
        "alias": name,
        "database": "d",
        "schema": "s",
        "columns": {},
        "config": {"materialized": "table"},
        "depends_on": {"nodes": list(parents), "macros": []},
        **more,
    }


def source(unique_id: str, **more: Any) -> dict[str, Any]:
    """A source of the manifest, in the schema `raw`."""
    _, package, called, name = unique_id.split(".")
    return {
        "unique_id": unique_id,
        "package_name": package,
        "source_name": called,
        "name": name,
        "identifier": name,
        "database": "d",
        "schema": "raw",
        "columns": {},
        **more,
    }


def manifest(*entries: Mapping[str, Any], version: int = 12, adapter: str = "athena", **more: Any) -> dict[str, Any]:
    """A manifest of nodes and sources; `more` are its other parts."""
    found = {entry["unique_id"]: entry for entry in entries}
    return {
        "metadata": {
            "dbt_schema_version": f"https://schemas.getdbt.com/dbt/manifest/v{version}.json",
            "dbt_version": "1.11.0",
            "generated_at": AT,
            "invocation_id": "5d1a1f0e-0000-4000-8000-000000000001",
            "adapter_type": adapter,
        },
        "nodes": {id_: entry for id_, entry in found.items() if not id_.startswith("source.")},
        "sources": {id_: entry for id_, entry in found.items() if id_.startswith("source.")},
        **more,
    }


def results(*reported: Mapping[str, Any], command: str | None = "build") -> dict[str, Any]:
    """The run results of another invocation, five minutes after the manifest."""
    return {
        "metadata": {
            "generated_at": "2026-11-21T05:09:00.000000Z",
            "invocation_id": "5d1a1f0e-0000-4000-8000-000000000002",
        },
        "args": {"which": command},
        "results": list(reported),
    }


def result(unique_id: str, status: str = "success", **more: Any) -> dict[str, Any]:
    """One node's result: executed from 05:05:00 to 05:05:02."""
    timing = {
        "name": "execute",
        "started_at": "2026-11-21T05:05:00.000000Z",
        "completed_at": "2026-11-21T05:05:02.000000Z",
    }
    return {"unique_id": unique_id, "status": status, "timing": [timing], "adapter_response": {}, **more}


def catalog(unique_id: str, columns: Mapping[str, str], stats: Mapping[str, int], at: str = AT) -> dict[str, Any]:
    """A catalog of one table."""
    entry = {
        "columns": {
            name: {"name": name, "type": kind, "index": index}
            for index, (name, kind) in enumerate(columns.items(), start=1)
        },
        "stats": {name: {"id": name, "value": value} for name, value in stats.items()},
    }
    return {"metadata": {"generated_at": at}, "nodes": {unique_id: entry}, "sources": {}}


def article(name: str) -> Manifest:
    """The article's manifest: `athena` (version 9, never compiled) or `redshift` (version 12)."""
    return Manifest(json.loads((ARTICLE / f"{name}_manifest.json").read_text("utf-8")))


def article_events() -> Sequence[Event]:
    """The events of both of the article's projects."""
    places = (("athena", ATHENA), ("redshift", REDSHIFT))
    return [event for name, place in places for event in events(Artifacts(article(name)), place)]
