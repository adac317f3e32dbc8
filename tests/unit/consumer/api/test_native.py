"""The native API: answers, errors, ETags, pages, CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from consumer import wiring
from consumer.api.access.keys import load_keys, new_key
from consumer.api.native.endpoints import ENDPOINTS
from consumer.api.openapi import PREFIX, document
from consumer.graph.format_version import WrongFormat
from consumer.graph.sqlite_store import SqliteStore
from tests.support.api.serving import client_of, client_on
from tests.support.graph.example_graphs import fill, job, table
from tests.support.graph.ingested_graphs import ingest_demo


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a graph of the demo's recorded events."""
    return ingest_demo(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def client(graph: Path) -> Iterator[TestClient]:
    """A client of the API on that graph."""
    with client_of(graph) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "key", "least"),
    [
        ("/search?q=crew", "results", 3),
        ("/dataset?node=titles", "columns", 5),
        ("/datasets", "datasets", 20),
        ("/jobs", "jobs", 20),
        ("/lineage?node=titles&upstream=3", "nodes", 10),
        ("/lineage?node=titles.average_rating&upstream=5&direct=true", "edges", 4),
        ("/impact?node=title_crew.directors", "affected", 4),
        ("/paths?source=title_crew&target=names", "paths", 2),
        ("/runs", "runs", 20),
        ("/runs?node=titles&state=COMPLETE", "runs", 1),
        ("/why?node=titles", "findings", 1),
        ("/lineage?node=titles&upstream=3&as_of=2100-01-01", "nodes", 10),
        ("/changes?from=2000-01-01", "records", 20),
        ("/changes?from=2000-01-01&to=2100-01-01T00:00:00Z&node=titles", "records", 2),
        ("/changes?from=2000-01-01&node=titles&upstream=1&downstream=1", "records", 12),
        ("/runs?node=titles&as_of=2100-01-01", "runs", 1),
        ("/moments?node=titles", "moments", 1),
        ("/quality", "datasets", 3),
        ("/quality?node=titles&outcome=passed", "datasets", 1),
    ],
)
def test_answers(client: TestClient, path: str, key: str, least: int) -> None:
    """Each endpoint answers with its list, an ETag and the security headers."""
    answer = client.get(f"{PREFIX}{path}")
    assert answer.status_code == 200, answer.text
    assert len(answer.json()[key]) >= least
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = client.get(f"{PREFIX}{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dataset?node=nothing_like_this", 404),
        ("/dataset", 400),
        ("/dataset?node=", 400),
        ("/lineage?node=titles&upstream=-1", 400),
        ("/lineage?node=titles&upstream=many", 400),
        ("/lineage?node=titles&unknown=1", 400),
        ("/impact?node=titles&change=explode", 400),
        ("/runs?limit=100000", 400),
        ("/search?q=%20", 400),
        ("/paths?source=titles&target=titles", 400),
        ("/dataset?node=titles&node=names", 400),
        ("/dataset?node=titles&as_of=1990-01-01", 404),
        ("/nothing", 404),
    ],
)
def test_errors_have_one_shape(client: TestClient, path: str, status: int) -> None:
    """A code and a message that says what to do; never a 500."""
    answer = client.get(f"{PREFIX}{path}")
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == status
    assert answer.json()["message"]


@pytest.mark.parametrize("known", ["*", "W/{}", '"other", W/{}'])
def test_etags_are_compared_weakly(client: TestClient, known: str) -> None:
    """A proxy that compresses an answer makes its ETag weak."""
    etag = client.get(f"{PREFIX}/dataset?node=titles").headers["etag"]
    headers = {"If-None-Match": known.format(etag)}
    assert client.get(f"{PREFIX}/dataset?node=titles", headers=headers).status_code == 304


@pytest.mark.parametrize("parameter", ["from", "to"])
def test_a_wrong_moment_is_named(client: TestClient, parameter: str) -> None:
    """The message names the parameter that was sent."""
    answer = client.get(f"{PREFIX}/changes", params={"from": "1d", parameter: "soon"})
    assert (answer.status_code, answer.json()["message"].partition(" is not")[0]) == (400, f"{parameter} 'soon'")


def test_other_methods_are_405(client: TestClient) -> None:
    """In the same shape."""
    answer = client.post(f"{PREFIX}/search")
    assert (answer.status_code, answer.json()["code"]) == (405, 405)


@pytest.mark.parametrize(("path", "key"), [("datasets", "datasets"), ("jobs", "jobs"), ("quality", "datasets")])
def test_pages_are_the_whole(client: TestClient, path: str, key: str) -> None:
    """The union of pages equals one large page, in order, each item once."""
    whole = client.get(f"{PREFIX}/{path}?limit=500").json()
    assert whole["next"] is None
    paged, cursor = [], ""
    while cursor is not None:
        page = client.get(f"{PREFIX}/{path}", params={"limit": 2, "cursor": cursor}).json()
        paged += page[key]
        cursor = page["next"]
    assert paged == whole[key]


def test_quality_is_what_the_datasets_say(client: TestClient) -> None:
    """All test results of all datasets, and each of them is either a failed or a passed one."""
    datasets = client.get(f"{PREFIX}/datasets?limit=500").json()["datasets"]
    expected = {one["name"]: one["tests"] for one in datasets if one["tests"]}
    found = {
        outcome: client.get(f"{PREFIX}/quality", params={"outcome": outcome, "limit": 500}).json()["datasets"]
        for outcome in ("all", "failed", "passed")
    }
    assert {one["name"]: one["tests"] for one in found["all"]} == expected
    assert all(not test["success"] for one in found["failed"] for test in one["tests"])
    results = [len(one["tests"]) for outcome in ("failed", "passed") for one in found[outcome]]
    assert sum(results) == sum(map(len, expected.values()))


def test_csv_is_asked_for_by_accept(client: TestClient) -> None:
    """Of impact and lineage; other endpoints answer JSON all the same."""
    for path in ("/impact?node=title_crew", "/lineage?node=titles"):
        answer = client.get(f"{PREFIX}{path}", headers={"Accept": "text/csv"})
        assert answer.headers["content-type"].startswith("text/csv")
        assert len(answer.text.splitlines()) > 2
        assert (answer.headers["vary"], client.get(f"{PREFIX}{path}").headers["vary"]) == ("Accept", "Accept")
    answer = client.get(f"{PREFIX}/runs", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"


def test_the_description_has_every_endpoint(client: TestClient) -> None:
    """OpenAPI 3.1, with the parameters of the models."""
    served = client.get(f"{PREFIX}/openapi.json").json()
    assert served == document()
    assert served["openapi"] == "3.1.0"
    paths = {f"{PREFIX}{one.path}" for one in ENDPOINTS} | {
        f"{PREFIX}/search",
        "/api/v1/lineage",
        "/api/v1/lineage/batch",
    }
    assert set(served["paths"]) == paths
    names = {one["name"] for one in served["paths"][f"{PREFIX}/lineage"]["get"]["parameters"]}
    assert names == {"node", "upstream", "downstream", "columns", "direct", "as_of"}


@pytest.mark.parametrize(
    "query",
    [
        "/search?q=crew",
        "/dataset?node=titles",
        "/dataset?node=titles&as_of=2100-01-01",
        "/datasets?limit=3",
        "/jobs",
        "/lineage?node=titles&upstream=20&downstream=20",
        "/lineage?node=titles.average_rating&upstream=20&direct=true&as_of=2100-01-01",
        "/lineage?node=title_crew&upstream=5&downstream=5&columns=true",
        "/graph?node=titles&upstream=20&downstream=20&states=true",
        "/graph?node=job:dbt/model.imdb_athena.stg_imdb__title_episodes",
        "/impact?node=title_crew",
        "/impact?node=title_crew.directors&change=type",
        "/paths?source=title_crew&target=names",
        "/quality",
        "/runs",
        "/why?node=titles",
        "/changes?from=2000-01-01",
        "/moments?node=titles",
    ],
)
def test_answers_are_as_described(client: TestClient, query: str) -> None:
    """Each answer is valid by its schema in OpenAPI, which allows no other member."""
    path, described = query.partition("?")[0], document()
    answer = described["paths"][f"{PREFIX}{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**answer, "components": described["components"]})
    assert list(validator.iter_errors(client.get(f"{PREFIX}{query}").json())) == []


@pytest.mark.parametrize("path", ["dataset", "impact", "why", "lineage", "graph", "runs", "moments"])
def test_exposures_are_asked_about_like_datasets(tmp_path: Path, path: str) -> None:
    """Results of a search can be asked about; the answers are as described."""
    use = {"dbt_exposures": {"exposures": [{"unique_id": "exposure.p.weekly", "name": "weekly"}]}}
    with closing(SqliteStore(tmp_path / "graph.db")) as store:
        fill(store, [job(table("b"), table("a"), facets=use)])
    described = document()
    answer = described["paths"][f"{PREFIX}/{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**answer, "components": described["components"]})
    with client_of(tmp_path / "graph.db") as client:
        for node in (client.get(f"{PREFIX}/search?q=weekly").json()["results"][0]["name"], "b"):
            found = client.get(f"{PREFIX}/{path}", params={"node": node})
            assert found.status_code == 200, found.text
            assert list(validator.iter_errors(found.json())) == []


def test_changes_are_bounded(client: TestClient) -> None:
    """Records beyond the limit are cut, and counted all the same."""
    whole = client.get(f"{PREFIX}/changes?from=2000-01-01").json()
    cut = client.get(f"{PREFIX}/changes?from=2000-01-01&limit=2").json()
    assert (whole["truncated"], cut["truncated"]) == (False, True)
    assert cut["records"] == whole["records"][:2]
    assert (cut["total"], cut["breaking"]) == (whole["total"], whole["breaking"])


def test_health_and_metrics(client: TestClient) -> None:
    """For orchestrators; a label has the route, not the path."""
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ok\n"
    client.get("/some/path/that/is/not/there")
    metrics = client.get("/metrics").text
    assert 'headwater_http_requests_total{route="/readyz",status="200"}' in metrics
    assert "that/is/not/there" not in metrics


def test_a_read_needs_a_key_where_keys_are(graph: Path, tmp_path: Path) -> None:
    """401 without one, 403 with a key of another scope; health needs none."""
    (reader, reader_hash), (sender, sender_hash) = new_key("reader"), new_key("sender")
    file = tmp_path / "keys.toml"
    file.write_text(
        f'[[keys]]\nid = "reader"\nsha256 = "{reader_hash}"\nscopes = ["read"]\n'
        f'[[keys]]\nid = "sender"\nsha256 = "{sender_hash}"\nscopes = ["ingest"]\n'
    )
    with client_of(graph, access=load_keys(file)) as client:
        statuses = [
            client.get(f"{PREFIX}/search?q=crew", headers=headers).status_code
            for headers in ({}, {"Authorization": f"Bearer {sender}"}, {"Authorization": f"Bearer {reader}"})
        ]
        assert statuses == [401, 403, 200]
        assert client.get("/healthz").status_code == 200


def test_a_graph_that_is_away_is_503(tmp_path: Path) -> None:
    """With Retry-After, so that clients try again."""
    with client_of(tmp_path / "no" / "such" / "folder.db") as client:
        answer = client.get(f"{PREFIX}/datasets")
    assert answer.status_code == 503
    assert answer.json()["message"]


UNUSABLE = (
    lambda: SqliteStore(Path("/secret/none/graph.db")),
    lambda: wiring.open_existing("sqlite:////secret/graph.db"),
    lambda: _raise(WrongFormat("/secret/graph.db is in format 9")),
)


def _raise(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("open_store", UNUSABLE)
@pytest.mark.parametrize(
    "path", ["/readyz", f"{PREFIX}/search?q=a", f"{PREFIX}/lineage?node=a", f"{PREFIX}/runs", "/api/v1/namespaces"]
)
def test_a_graph_that_can_not_be_used_is_503_without_its_path(open_store: Callable[[], Any], path: str) -> None:
    """Clients try again, and the path of the file is for the log alone."""
    with client_on(open_store) as client:
        answer = client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "secret" not in answer.text


def _interrupted(file: Path) -> SqliteStore:
    """Opens a store whose reads SQLite interrupts."""
    store = SqliteStore(file)
    store._db.set_progress_handler(lambda: 1, 1)
    return store


def test_a_failed_read_is_503_without_its_path(tmp_path: Path) -> None:
    """The reason is in the answer, the path in the log."""
    with capture_logs() as lines, client_on(lambda: _interrupted(tmp_path / "secret.db")) as client:
        answer = client.get(f"{PREFIX}/datasets")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["message"] == "reading the graph failed: interrupted; try again"
    logged = [line["error"] for line in lines if line["event"] == "graph failed"]
    assert logged == [f"reading {tmp_path / 'secret.db'} failed: interrupted"]


def test_a_restored_graph_is_read_again(tmp_path: Path) -> None:
    """A file that is damaged while the server runs needs no restart once it is restored."""
    file = tmp_path / "graph.db"
    SqliteStore(file).close()
    sound = file.read_bytes()
    with client_of(file) as client:
        file.write_bytes(b"no database" * 1000)
        assert client.get("/readyz").status_code == 503
        file.write_bytes(sound)
        assert client.get("/readyz").status_code == 200
