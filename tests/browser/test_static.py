"""The page in a file: its answers are those of the API, it is small, and a browser shows it without a server."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from bench.queries import seed
from bench.workload import Project
from consumer.graph.sqlite_store import SqliteStore
from consumer.query.traversal.whole_graph import whole_graph
from consumer.render import export_formats
from consumer.render.page import page_data
from tests.support.api.serving import client_of
from tests.support.graph.example_graphs import Name, job, table
from tests.support.graph.graph_of_events import write
from tests.support.page.browser import WEB, axe, tab
from tests.support.processes.command_line import headwater
from tests.support.processes.server_process import require

Json = dict[str, Any]
FAR = 100
MOST_BYTES = 4 * 1024 * 1024

A, B, C, D, E = (table(name) for name in "abcde")
USE = {"unique_id": "exposure.p.weekly", "name": "weekly", "type": "dashboard", "url": "https://bi.example.com/1"}


def mixed() -> list[Json]:
    """Columns, whole rows, unknown column lineage, an exposure and a cycle in one graph."""
    identity: dict[str, list[tuple[Name, str]]] = {"x": [(A, "x")], "*": [(A, "y")]}
    return [
        job(B, A, columns=identity),
        job(C, B, columns={"x": [(B, "x")], "z": [(B, "y")]}, facets={"dbt_exposures": {"exposures": [USE]}}),
        job(D, C, name="no columns"),
        job(E, D, C, columns={"w": [(C, "z")], "*": [(C, "*")]}),
        job(A, E, name="back"),
    ]


@pytest.fixture(scope="module", params=["demo", "mixed"])
def graph(request: pytest.FixtureRequest, demo_graph: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a graph."""
    if request.param == "demo":
        return Path(demo_graph.removeprefix("sqlite:///"))
    file = tmp_path_factory.mktemp("graph") / "mixed.db"
    store = SqliteStore(file)
    write(store, [mixed()])
    store.close()
    return file


def queries(client: TestClient) -> list[Json]:
    """Queries about each dataset and some of its columns."""
    datasets = client.get("/api/v2/datasets", params={"limit": 500}).json()["datasets"]
    asked: list[Json] = [
        {"kind": "search", "node": text, "limit": 20} for text in ("title", "dev.s", "owner:film", "x")
    ]
    asked.append({"kind": "runs", "node": "", "limit": 50})
    for one in datasets:
        node = f"{one['namespace']}/{one['name']}"
        columns = [column["name"] for column in client.get("/api/v2/dataset", params={"node": node}).json()["columns"]]
        asked += [{"kind": kind, "node": node, "limit": 20} for kind in ("dataset", "why", "runs")]
        asked += [
            {"kind": "graph", "node": node, "upstream": up, "downstream": down, "limit": limit}
            for up, down, limit in ((1, 1, 100), (9, 9, 7))
        ]
        asked += [{"kind": "impact", "node": node, "change": change} for change in ("drop", "stop")]
        for column in [*columns[:4], "x", "*"]:
            if columns and column not in columns and column != "*":
                continue
            asked.append({"kind": "lineage", "node": f"{node}.{column}"})
            asked.append({"kind": "impact", "node": f"{node}.{column}", "change": "rename"})
    return asked


def answer(client: TestClient, query: Json) -> Json:
    """The API's answer."""
    kind, node = query["kind"], query["node"]
    keys = {
        "graph": ("upstream", "downstream", "limit"),
        "impact": ("change",),
        "runs": ("limit",),
        "search": ("limit",),
    }
    parameters: Json = {key: query[key] for key in keys.get(kind, ())}
    if kind == "graph":
        parameters["states"] = "true"
    if kind == "lineage":
        parameters |= {"upstream": FAR, "downstream": FAR}
    if node:
        parameters["q" if kind == "search" else "node"] = node
    found = client.get(f"/api/v2/{kind}", params=parameters)
    assert found.status_code == 200, found.text
    document: Json = found.json()
    return document


def comparable(kind: str, document: Json) -> Json:
    """An answer without what a file leaves out or orders otherwise."""
    document = json.loads(json.dumps(document))
    if kind == "dataset":
        for producer in document["producers"]:
            # The file has the run in full.
            producer["last_run"] = producer["last_run"] and producer["last_run"]["id"]
    if kind == "runs":
        document.pop("fed_by", None)
    if kind == "search":
        keys = ("name", "matched", "matched_columns", "last_run")
        document["results"] = [{key: one[key] for key in keys} for one in document["results"]]
        for one in document["results"]:
            one["last_run"] = one["last_run"] and one["last_run"]["state"]
    if kind == "lineage":
        for part in (document, document["unknown"]):
            part["edges"] = sorted(map(json.dumps, map(_sorted_keys, part["edges"])))
            part["nodes"] = sorted(map(json.dumps, map(_sorted_keys, part["nodes"])))
    return document


def _sorted_keys(value: Json) -> Json:
    return dict(sorted(value.items()))


def from_file(graph: Path, asked: list[Json]) -> list[Json]:
    """The answers of the page in a file."""
    require("node", "install Node.js 20 or newer, such as Debian's nodejs")
    store = SqliteStore(graph)
    document = page_data.document(whole_graph(store))
    store.close()
    done = subprocess.run(
        ["node", "run.mjs", "tests/static_answers.ts"],
        input=json.dumps({"document": document, "queries": asked}),
        cwd=WEB,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[Json] = json.loads(done.stdout)
    return answers


def test_a_file_answers_as_the_api_does(graph: Path) -> None:
    """Search, graph, dataset, column lineage, impact, causes and runs are the same from a file."""
    with client_of(graph) as client:
        asked = queries(client)
        expected = [comparable(query["kind"], answer(client, query)) for query in asked]
    for query, found, wanted in zip(asked, from_file(graph, asked), expected, strict=True):
        assert comparable(query["kind"], found) == wanted, query


def test_a_browser_shows_the_file_without_a_server(browser: Browser, demo_graph: str, tmp_path: Path) -> None:
    """Search, graph, a column's path, impact and a link work from a file, which connects to nothing."""
    file = tmp_path / "lineage.html"
    done = headwater("export", "--graph", demo_graph, "--format", "html", "--output", file)
    assert done.exit_code == 0, done.output
    with tab(browser, timezone_id="UTC") as page:
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(file.as_uri())
        expect(page.get_by_role("note")).to_contain_text("This file shows one moment: lineage as of 28 Nov 2026")
        page.get_by_role("combobox", name="Search datasets").fill("titles")
        page.get_by_role("option").first.click()
        page.get_by_role("tab", name="Columns").click()
        page.get_by_role("button", name="average_rating").click()
        expect(page.locator(".line.direct").first).to_be_attached()
        page.get_by_role("tab", name="Impact").click()
        expect(page.get_by_text("Nothing known depends on it")).to_be_visible()
        expect(page.get_by_role("note")).to_contain_text("This file shows one moment")
        expect(page.get_by_role("slider")).to_have_count(0)
        assert axe(page) == []
        link = page.url
        page.goto("about:blank")
        page.goto(link)
        expect(page.get_by_role("tab", name="Impact")).to_have_attribute("aria-selected", "true")
        expect(page.locator(".line.direct").first).to_be_attached()
        assert {url for url in requests if not url.startswith(("file:", "about:", "data:"))} == set()


def test_a_file_is_small(tmp_path: Path) -> None:
    """Data of 300 models with columns, SQL and runs adds at most a tenth of the 4 MiB that 3,000 may take."""
    store = SqliteStore(tmp_path / "graph.db")
    seed(store, Project("sized", 300, mixes=2))
    size = len(export_formats.html(store))
    store.close()
    empty = SqliteStore(tmp_path / "empty.db")
    assert size - len(export_formats.html(empty)) <= MOST_BYTES / 10
    empty.close()


def test_the_same_graph_gives_the_same_file(graph: Path) -> None:
    """Two exports of one graph are the same bytes, whenever they are made."""
    with closing(SqliteStore(graph)) as store:
        assert export_formats.html(store) == export_formats.html(store)
