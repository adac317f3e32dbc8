"""Marquez's read API on the demo's own events, which have what recorded samples of older versions lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from consumer.graph.sqlite_store import SqliteStore
from tests.support.api.serving import client_of
from tests.support.docs.generated_docs import ROOT
from tests.support.graph.example_graphs import fill, job, table
from tests.support.processes.command_line import headwater

EVENTS = ROOT / "consumer" / "demo" / "events" / "imdb_redshift.jsonl"
BROKEN = ("lines", "two\nlines / and a slash")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of the API on the graph of the demo's events on Redshift, and a table with a line break in its name."""
    file = tmp_path_factory.mktemp("graph") / "graph.db"
    done = headwater("ingest", "--graph", f"sqlite:///{file}", EVENTS)
    assert done.exit_code == 0, done.output
    with closing(SqliteStore(file)) as store:
        fill(store, [job(BROKEN, table("a"))])
    with client_of(file) as found:
        yield found


def get(client: TestClient, path: str) -> Any:
    """The document at a path."""
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def test_every_run_is_answered(client: TestClient) -> None:
    """The code of a dbt model has a checksum, which the graph keeps beside facets, and which is no facet."""
    events = get(client, "/events/lineage?limit=1000")["events"]
    assert len(events) == get(client, "/events/lineage?limit=1")["totalCount"] > 40
    for one in get(client, "/jobs?limit=1000")["jobs"]:
        runs = get(client, f"/namespaces/dbt/jobs/{quote(one['name'], safe='')}/runs")["runs"]
        for run in runs:
            assert get(client, f"/jobs/runs/{run['id']}")["facets"] == run["facets"]
            assert get(client, f"/jobs/runs/{run['id']}/facets?type=run")["facets"].keys() >= run["facets"].keys()
            assert "checksum" not in run["facets"]


def test_a_line_break_in_a_path_is_a_part_of_a_name(client: TestClient) -> None:
    """Such a name is legal in OpenLineage, and percent-encoded on the way."""
    namespace, name = (quote(part, safe="") for part in BROKEN)
    assert get(client, f"/namespaces/{namespace}/datasets/{name}")["name"] == BROKEN[1]
    missing = client.get("/api/v1/namespaces/no%0Asuch")
    assert (missing.status_code, missing.json()["message"]) == (404, "Namespace 'no\nsuch' not found.")


def test_the_paths_of_events_allow_post_where_events_are_taken(client: TestClient) -> None:
    """Allow names what the path answers; without a receiver no path takes events."""
    assert client.put("/api/v1/lineage").headers["allow"] == "GET, HEAD, OPTIONS"
