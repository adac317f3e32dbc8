"""The native API on every store: each endpoint gives the answer of the embedded store."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

from consumer.api.native.endpoints import ENDPOINTS, SEARCH
from consumer.api.openapi import PREFIX
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from tests.support.api.serving import client_on
from tests.support.graph.all_stores import Graph
from tests.support.graph.example_graphs import fill, job, table
from tests.support.graph.run_events import assertions, owned, run_event, schema

A, B, C, D = (table(name) for name in "abcd")
USE = {"dbt_exposures": {"exposures": [{"unique_id": "exposure.p.weekly", "name": "weekly", "owner": "ana"}]}}
PAST = "as_of=2026-01-01T09:30:00Z"
ASKED = (
    "/search?q=owner:finance",
    "/dataset?node=b",
    "/dataset?node=weekly",
    f"/dataset?node=b&{PAST}",
    "/datasets?limit=3",
    "/jobs",
    "/lineage?node=b&upstream=5&downstream=5",
    "/lineage?node=b.x&upstream=5&downstream=5",
    f"/lineage?node=b&upstream=5&downstream=5&{PAST}",
    "/graph?node=b&states=true",
    "/graph?node=job:dbt/model.p.dev.s.b",
    "/impact?node=a.x",
    "/impact?node=b",
    f"/impact?node=a&{PAST}",
    "/paths?source=a&target=d",
    "/paths?source=a.x&target=b.x",
    "/quality?outcome=failed",
    "/runs",
    "/runs?node=b",
    f"/runs?node=b&{PAST}",
    "/why?node=d",
    "/why?node=weekly",
    f"/why?node=b&{PAST}",
    "/changes?from=2020-01-01",
    "/moments?node=b",
)


def events() -> list[dict[str, Any]]:
    """Builds, a failure, failed tests, a schema that changes, columns that end, and a dashboard."""
    columns = {"columnLineage": {"fields": {"x": {"inputFields": [{"namespace": A[0], "name": A[1], "field": "x"}]}}}}
    of_b = {**columns, **schema(x="int"), **owned("finance"), **USE, **assertions(x__unique=False)}
    return [
        run_event("COMPLETE", "08:00", A, run="1", facets=schema(x="int", y="int")),
        run_event("COMPLETE", "09:00", B, A, run="1", facets=of_b),
        run_event("COMPLETE", "10:00", A, run="2", facets=schema(x="text")),
        run_event("COMPLETE", "11:00", B, A, run="2", facets=of_b),
        job(C, B),
        job(D, C),
        run_event("FAIL", "12:00", A, run="3", error="out of memory"),
    ]


def answers(connect: Callable[[], GraphStore]) -> dict[str, Any]:
    """Fills a graph, and asks each question of it over HTTP."""
    with closing(connect()) as store:
        for event in events():
            fill(store, [event])
    with client_on(connect) as client:
        found = {path: client.get(f"{PREFIX}{path}") for path in ASKED}
        csv = client.get(f"{PREFIX}/impact?node=b", headers={"Accept": "text/csv"}).text
    assert {path: answer.text for path, answer in found.items() if answer.status_code != HTTPStatus.OK} == {}
    return {"csv": csv, **{path: answer.json() for path, answer in found.items()}}


def test_each_endpoint_answers_alike(graph: Graph, tmp_path: Path) -> None:
    """The same events, the same answers: of the present and of the past, as JSON and as CSV."""
    assert {path.partition("?")[0] for path in ASKED} == {SEARCH[0], *(one.path for one in ENDPOINTS)}
    expected = answers(lambda: SqliteStore(tmp_path / "expected.db"))
    found = answers(graph.connect)
    for path, wanted in expected.items():
        assert json.dumps(found[path], sort_keys=True) == json.dumps(wanted, sort_keys=True), path
    assert [one["cause"] for one in expected["/why?node=weekly"]["findings"]] == ["quality", "failed", "schema"]
