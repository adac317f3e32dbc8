"""Marquez's read API on SQLite, and on Gremlin Server behind Neptune's stand-in: shapes, names, errors, quirks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.support.api import marquez_shapes as shapes
from tests.support.api.serving import client_on
from tests.support.graph.all_stores import opened
from tests.support.graph.example_graphs import DEMO_RULES, GLUE, demo_events, fill

REDSHIFT = "redshift://127.0.0.1:15440"
TABLE = "dev.imdb.genre_titles"
JOB = "model.imdb_redshift.genre_titles"


def enc(text: str) -> str:
    """A name as a part of a path."""
    return quote(text, safe="")


@pytest.fixture(params=["embedded", "neptune"])
def client(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """A client of the API on the graph of recorded runs."""
    with opened(request.param, request) as graph:
        with closing(graph.connect()) as store:
            fill(store, demo_events(), DEMO_RULES)
        with client_on(graph.connect) as found:
            yield found


def get(client: TestClient, path: str) -> Any:
    """The document at a path."""
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


DATASET_PATH = f"/namespaces/{enc(REDSHIFT)}/datasets/{TABLE}"
JOB_PATH = f"/namespaces/dbt/jobs/{JOB}"
ARN_TABLE = "table/imdb_stg/stg_imdb__name_basics"


def test_every_answer_has_the_shape_of_marquez(client: TestClient) -> None:
    """Keys, types and nulls of each endpoint."""
    version = get(client, f"{DATASET_PATH}/versions")["versions"][0]["version"]
    job_version = get(client, f"{JOB_PATH}/versions")["versions"][0]["version"]
    run = get(client, f"{JOB_PATH}/runs")["runs"][0]["id"]
    node = f"dataset:{enc(REDSHIFT)}:{TABLE}"
    expected = {
        "/namespaces": {"namespaces": [shapes.NAMESPACE]},
        f"/namespaces/{enc(GLUE)}": shapes.NAMESPACE,
        f"/namespaces/{enc(REDSHIFT)}/datasets": {"totalCount": "int", "datasets": [shapes.DATASET]},
        DATASET_PATH: shapes.DATASET,
        f"/namespaces/{enc(GLUE)}/datasets/{enc(ARN_TABLE)}": shapes.DATASET,
        f"{DATASET_PATH}/versions": {"versions": [shapes.DATASET_VERSION], "totalCount": "int"},
        f"{DATASET_PATH}/versions/{version}": shapes.DATASET_VERSION,
        "/namespaces/dbt/jobs": {"totalCount": "int", "jobs": [shapes.JOB]},
        JOB_PATH: shapes.JOB,
        f"{JOB_PATH}/versions": {"versions": [shapes.JOB_VERSION]},
        f"{JOB_PATH}/versions/{job_version}": shapes.JOB_VERSION,
        f"{JOB_PATH}/runs": {"runs": [shapes.RUN], "totalCount": "int"},
        "/jobs?limit=10&offset=0": {"totalCount": "int", "jobs": [shapes.JOB]},
        f"/jobs/runs/{run}": shapes.RUN,
        f"/jobs/runs/{run}/facets?type=job": {"runId": "str", "facets": "*"},
        f"/jobs/runs/{run}/facets?type=RUN": {"runId": "str", "facets": "*"},
        f"/lineage?nodeId={node}&depth=2": shapes.LINEAGE,
        f"/column-lineage?nodeId={node}&depth=2&withDownstream=true": shapes.COLUMN_GRAPH,
        f"/runlineage/upstream?runId={run}&depth=3": shapes.RUN_LINEAGE,
        "/search?q=genre&sort=NAME&limit=100": {"results": [shapes.RESULT], "totalCount": "int"},
        "/search?q=genre&sort=UPDATE_AT": {"results": [shapes.RESULT], "totalCount": "int"},
        "/events/lineage?limit=50&before=&after=&offset=0&sortDirection=desc": {
            "totalCount": "int",
            "events": [shapes.EVENT],
        },
        "/sources": {"sources": [shapes.SOURCE]},
        f"/sources/{enc(REDSHIFT)}": shapes.SOURCE,
        "/tags": {"tags": [shapes.TAG]},
        "/stats/lineage-events?period=DAY&timezone=Europe/Berlin": [shapes.EVENT_COUNTS],
        "/stats/jobs?period=WEEK&timezone=UTC": [shapes.COUNT],
        "/stats/datasets?period=DAY": [shapes.COUNT],
        "/stats/sources?period=WEEK": [shapes.COUNT],
    }
    found = {path: get(client, path) for path in expected}
    assert [fault for path, shape in expected.items() for fault in shapes.faults(found[path], shape, path)] == []
    # No list of these is empty, so each shape was seen.
    lists = [value for document in found.values() for value in _lists(document)]
    assert sum(map(bool, lists)) >= len(expected) - 6
    assert len(found["/stats/jobs?period=WEEK&timezone=UTC"]) == 7
    assert len(found["/stats/datasets?period=DAY"]) == 24


def _lists(document: Any) -> list[Any]:
    return [value for value in document.values() if isinstance(value, list)] if isinstance(document, dict) else []


def test_lineage_is_undirected_and_an_arn_opens(client: TestClient) -> None:
    """The id of a node by bare separators and encoded as a whole; each edge at both of its ends."""
    bare = get(client, f"/lineage?nodeId=dataset:{enc(GLUE)}:{enc(ARN_TABLE)}&depth=2")["graph"]
    whole = get(client, f"/lineage?nodeId={enc(f'dataset:{GLUE}:{ARN_TABLE}')}&depth=2")["graph"]
    assert bare == whole
    assert f"dataset:{GLUE}:{ARN_TABLE}" in {node["id"] for node in bare}
    assert [node["id"] for node in bare] == sorted(node["id"] for node in bare)
    edges = {side: [edge for node in bare for edge in node[side]] for side in ("inEdges", "outEdges")}
    ends = [{(edge["origin"], edge["destination"]) for edge in found} for found in edges.values()]
    assert ends[0] == ends[1] != set()
    counts = [len(get(client, f"/lineage?nodeId=job:dbt:{JOB}&depth={depth}")["graph"]) for depth in (0, 1, 20)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


def test_in_edges_of_fields_are_reversed(client: TestClient) -> None:
    """On column lineage alone the origin of an inEdge is the field itself; the web UI draws it so."""
    node = f"datasetField:{enc(REDSHIFT)}:{TABLE}:genre"
    graph = get(client, f"/column-lineage?nodeId={node}&depth=20&withDownstream=True")["graph"]
    root = next(one for one in graph if one["id"] == f"datasetField:{REDSHIFT}:{TABLE}:genre")
    assert {edge["origin"] for edge in root["inEdges"]} == {root["id"]}
    sources = {
        f"datasetField:{one['namespace']}:{one['dataset']}:{one['field']}" for one in root["data"]["inputFields"]
    }
    assert {edge["destination"] for edge in root["inEdges"]} == sources != set()
    assert all(edge["origin"] == one["id"] for one in graph for edge in one["outEdges"])
    upstream_only = get(client, f"/column-lineage?nodeId={node}&depth=20")["graph"]
    assert len(upstream_only) <= len(graph)
    by_job = get(client, f"/column-lineage?nodeId=job:dbt:{JOB}&depth=1")["graph"]
    assert root["id"] in {one["id"] for one in by_job}


def test_other_names_find_the_same(client: TestClient) -> None:
    """An alias of a dataset, and the name that dbt's events give to a job."""
    alias = f"/namespaces/{enc('awsathena://athena.us-east-1.amazonaws.com')}/datasets/awsdatacatalog.imdb.name_basics"
    assert get(client, alias)["id"] == {"namespace": GLUE, "name": "table/imdb/name_basics"}
    assert get(client, "/namespaces/dbt/jobs/dev.imdb.imdb_redshift.genre_titles.build.run")["name"] == JOB


def test_pages_and_states(client: TestClient) -> None:
    """The union of pages is the whole; `totalCount` ignores the state that is asked for."""
    whole = get(client, "/jobs?limit=100")
    paged = [job for offset in range(0, 40, 8) for job in get(client, f"/jobs?limit=8&offset={offset}")["jobs"]]
    assert paged == whole["jobs"]
    assert len(paged) == whole["totalCount"]
    failed = get(client, "/jobs?limit=10&lastRunStates=FAILED")
    assert (failed["totalCount"], failed["jobs"]) == (whole["totalCount"], [])
    times = [job["updatedAt"] for job in whole["jobs"]]
    assert times == sorted(times, reverse=True)


NOT_FOUND = {"code": 404, "message": "HTTP 404 Not Found"}


def test_errors_have_the_bodies_of_marquez(client: TestClient) -> None:
    """Status and body of what can't be answered."""
    expected: dict[str, tuple[int, Any]] = {
        "/namespaces/none": (404, {"code": 404, "message": "Namespace 'none' not found."}),
        f"/namespaces/{enc(REDSHIFT)}/datasets/none": (404, {"code": 404, "message": "Dataset 'none' not found."}),
        "/namespaces/dbt/jobs/none": (404, {"code": 404, "message": "Job 'none' not found."}),
        "/jobs/runs/none": (404, {"code": 404, "message": "Run 'none' not found."}),
        "/column-lineage?nodeId=dataset:none:none": (404, {"code": 404, "message": "Could not find node"}),
        "/lineage?nodeId=dataset:none:none": (404, {"code": 404, "message": "Dataset 'none' not found."}),
        "/lineage?nodeId=nothing": (404, NOT_FOUND),
        "/lineage": (404, NOT_FOUND),
        "/events": (404, NOT_FOUND),
        "/jobs?limit=many": (404, NOT_FOUND),
        "/jobs?limit=99999999999": (404, NOT_FOUND),
        "/jobs?limit=-1": (400, {"errors": ["query param limit must be greater than or equal to 0"]}),
        "/search?q=%20": (400, {"errors": ["query param q must not be blank"]}),
        "/search?q=a&sort=SIZE": (400, {"code": 400, "message": "query param sort must be one of [NAME, UPDATE_AT]"}),
    }
    answers = {path: client.get(f"/api/v1{path}") for path in expected}
    assert {path: (answer.status_code, answer.json()) for path, answer in answers.items()} == expected


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_writes_are_405_in_json(method: str) -> None:
    """Of all writes only events are taken."""
    with client_on(_unused) as client:
        for path in ("/namespaces/x", "/tags/pii", "/jobs?runState=FAILED", "/lineage"):
            answer = client.request(method, f"/api/v1{path}")
            assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (
                405,
                405,
                "GET, HEAD, OPTIONS",
            )
        assert client.options("/api/v1/jobs").headers["allow"] == "GET, HEAD, OPTIONS"


def _unused() -> Any:
    raise AssertionError("a write must not open the graph")
