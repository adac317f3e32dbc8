"""One question by three readers: the command, the HTTP API and the assistant's tool give one answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from mcp import Client
from starlette.testclient import TestClient

from consumer.graph.sqlite_store import SqliteStore
from consumer.mcp.server import server
from tests.support.api.serving import client_of
from tests.support.graph.example_graphs import job, table
from tests.support.graph.ingested_graphs import DEMO, demo_files
from tests.support.graph.run_events import run_event
from tests.support.processes.command_line import headwater

USE = {"dbt_exposures": {"exposures": [{"unique_id": "exposure.p.weekly", "name": "weekly", "owner": "ana"}]}}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of the demo's events, with a failure, a dashboard, and columns that end."""
    found = tmp_path_factory.mktemp("graph") / "graph.db"
    own = [
        run_event("COMPLETE", "08:00", table("a"), run="1"),
        run_event("FAIL", "09:00", table("a"), run="2", error="out of memory"),
        run_event("COMPLETE", "10:00", table("b"), table("a"), facets=USE),
        job(table("c"), table("b"), columns={"x": [(table("b"), "x")]}),
        job(table("d"), table("c")),
    ]
    for source, stdin in ((demo_files(), b""), (["-"], b"\n".join(map(orjson.dumps, own)))):
        done = headwater(
            "ingest", "--graph", f"sqlite:///{found}", "--config", DEMO / "headwater.toml", *source, stdin=stdin
        )
        assert done.exit_code == 0, done.output
    return found


def by_command(file: Path, *words: str) -> Json:
    """The answer of a command."""
    done = headwater(*words, "--json", "--graph", f"sqlite:///{file}")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def by_api(client: TestClient, path: str, parameters: Mapping[str, object]) -> Json:
    """The answer of the API."""
    answer = client.get(f"/api/v2/{path}", params={key: str(value) for key, value in parameters.items()})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def by_tool(file: Path, tool: str, **arguments: object) -> list[Json]:
    """The items of all pages of a tool's answer."""

    async def ask() -> list[Json]:
        found: list[Json] = []
        async with Client(server(lambda: SqliteStore(file))) as client:
            cursor: str | None = None
            while True:
                answer: Any = await client.call_tool(tool, {**arguments, "cursor": cursor})
                assert not answer.is_error, answer.content
                page = answer.structured_content
                found += page["columns" if tool == "describe" else "items"]
                cursor = page["next"]
                if cursor is None:
                    return found

    return anyio.run(ask)


def full(name: Mapping[str, Any]) -> str:
    """A name as tools spell it."""
    column = f".{name['column']}" if name.get("column") else ""
    return f"{name['namespace']}/{name['name']}{column}"


NODES = ("titles", "title_crew.directors", "b", "b.x", "weekly", "names", "stg_imdb__title_crews")


@pytest.mark.parametrize("at", [None, "2100-01-01", "2026-01-01T09:30:00Z"])
def test_impact(file: Path, at: str | None) -> None:
    """The affected datasets with depth and certainty, and the uses of what changes."""
    with client_of(file) as client:
        for node in NODES if at != "2026-01-01T09:30:00Z" else ("a",):
            command = by_command(file, "impact", node, *(["--at", at] if at else []))
            api = by_api(client, "impact", {"node": node, **({"as_of": at} if at else {})})
            api.pop("known_since", None)
            assert api == command
            items = by_tool(file, "impact", node=node, as_of=at)
            assert [(one["name"], one["depth"], one["certainty"]) for one in items] == [
                (full(one), one["depth"], one["certainty"]) for one in command["affected"]
            ]


@pytest.mark.parametrize("at", [None, "2100-01-01"])
def test_lineage(file: Path, at: str | None) -> None:
    """The nodes with direction and depth."""
    moment = {"as_of": at} if at else {}
    with client_of(file) as client:
        for node in NODES:
            options = ["--upstream", "3", "--downstream", "3", *(["--at", at] if at else [])]
            command = by_command(file, "lineage", node, *options)
            api = by_api(client, "lineage", {"node": node, "upstream": 3, "downstream": 3, **moment})
            api.pop("known_since", None)
            assert api == command
            items = by_tool(file, "lineage", node=node, depth=3, as_of=at)
            assert {(one["name"], one["direction"], one["depth"]) for one in items} == {
                (full(one), one["direction"], one["depth"]) for one in command["nodes"] if one["depth"]
            }


@pytest.mark.parametrize("at", [None, "2100-01-01"])
def test_causes_descriptions_and_runs(file: Path, at: str | None) -> None:
    """Causes, descriptions and histories."""
    options, moment = (["--at", at], {"as_of": at}) if at else ([], {})
    with client_of(file) as client:
        for node in ("titles", "b", "d", "weekly"):
            for command, path, tool, key in (
                ("why", "why", "why", "findings"),
                ("show", "dataset", "describe", "columns"),
                ("runs", "runs", "runs", "runs"),
            ):
                printed = by_command(file, command, node, *options)
                api = by_api(client, path, {"node": node, **moment})
                api.pop("known_since", None)
                assert api == printed
                name = "node" if tool == "runs" else "dataset"
                assert by_tool(file, tool, **{name: node}, as_of=at) == printed[key]


def test_search_and_paths(file: Path) -> None:
    """Matches, and the ways between two nodes."""
    with client_of(file) as client:
        for query in ("rating", "tag:imdb", "owner:film-data title", "weekly", "nothing like it"):
            printed = by_command(file, "search", query, "--limit", "100")
            api = by_api(client, "search", {"q": query, "limit": 100})
            assert [full(one) for one in api["results"]] == [full(one) for one in printed["results"]]
            assert api["total"] == printed["total"]
            items = by_tool(file, "find", query=query)
            assert [(one["name"], one["matched"]) for one in items] == [
                (full(one), one["matched"]) for one in printed["results"]
            ]
        for source, target in (("title_crew", "names"), ("a", "weekly"), ("b.x", "c.x"), ("b.x", "d"), ("names", "a")):
            printed = by_command(file, "path", source, target)
            assert by_api(client, "paths", {"source": source, "target": target}) == printed
