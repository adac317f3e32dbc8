"""A small shop whose lineage changes through a morning, for views of the past and of differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from consumer.graph.sqlite_store import SqliteStore
from tests.support.graph.example_graphs import Name, table
from tests.support.graph.graph_of_events import write
from tests.support.graph.run_events import run_event, schema

RAW, FEED, CUSTOMERS, STAGED, ORDERS, REVENUE = (
    table(name) for name in ("raw_orders", "orders_feed", "customers", "stg_orders", "orders", "revenue")
)
DAY = "2026-01-01"


def _copied(source: Name, *columns: str) -> dict[str, Any]:
    """Column lineage that copies columns of one source."""
    fields = {name: {"inputFields": [{"namespace": source[0], "name": source[1], "field": name}]} for name in columns}
    return {"columnLineage": {"fields": fields}}


def _staged(source: Name, **columns: str) -> Mapping[str, Any]:
    return {**schema(**columns), **_copied(source, *columns)}


def events() -> Iterator[dict[str, Any]]:
    """Yields runs: all is built at 8:00, and changes at 10:00, 11:00 and 12:00; the build of 9:00 changes nothing."""
    staged = {"id": "integer", "amount": "integer"}
    for hour in ("08", "09"):
        yield run_event("COMPLETE", f"{hour}:00", STAGED, RAW, run=hour, facets=_staged(RAW, **staged))
        ordered = {**schema(**staged), **_copied(STAGED, *staged)}
        yield run_event("COMPLETE", f"{hour}:05", ORDERS, STAGED, run=hour, facets=ordered)
        revenue = {**schema(amount="integer"), **_copied(ORDERS, "amount")}
        yield run_event("COMPLETE", f"{hour}:10", REVENUE, ORDERS, run=hour, facets=revenue)
    wider = {"id": "integer", "amount": "numeric(18,2)", "currency": "varchar"}
    yield run_event("COMPLETE", "10:00", STAGED, RAW, run="10", facets=_staged(RAW, **wider))
    joined = {**schema(**staged, customer="varchar"), **_copied(STAGED, *staged)}
    yield run_event("COMPLETE", "11:00", ORDERS, STAGED, CUSTOMERS, run="11", facets=joined)
    yield run_event("COMPLETE", "12:00", STAGED, FEED, run="12", facets=_staged(FEED, **{**wider, "id": "bigint"}))


def changing_graph(folder: Path) -> str:
    """Makes the graph; returns its URL."""
    with closing(SqliteStore(folder / "changing.db")) as store:
        for event in events():
            write(store, [[event]])
    return f"sqlite:///{folder}/changing.db"
