"""The assistant's tools, by mcp's own client: answers, bounds, pages, errors."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from consumer.graph.sqlite_store import SqliteStore
from consumer.lineage.identity import IdentityRules
from consumer.mcp.pages import CHARS_PER_TOKEN, MOST_TOKENS
from consumer.mcp.server import server
from consumer.projection.graph_sink import GraphSink
from schemas.decode import decode_document
from tests.support.docs.generated_docs import ROOT
from tests.support.graph.example_graphs import job, table
from tests.support.processes.command_line import headwater

DEMO = ROOT / "consumer" / "demo"
TOOLS = {"find", "describe", "lineage", "impact", "changes", "path", "runs", "why"}
WIDE = 2_000


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a graph of the demo's recorded events."""
    file = tmp_path_factory.mktemp("graph") / "graph.db"
    events = [ROOT / "tests" / "data" / "demo" / "duckdb.jsonl", *sorted((DEMO / "events").glob("*.jsonl"))]
    done = headwater("ingest", "--graph", f"sqlite:///{file}", "--config", DEMO / "headwater.toml", *events)
    assert done.exit_code == 0, done.output
    return file


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph in which one table feeds very many."""
    file = tmp_path_factory.mktemp("wide") / "graph.db"
    sink = GraphSink(SqliteStore(file), IdentityRules.of())
    events = [decode_document(job(table(f"a_model_with_a_long_name_{at}"), table("root"))) for at in range(WIDE)]
    for at in range(0, WIDE, 500):
        sink.write(events[at : at + 500])
    sink.close()
    return file


def call(file: Path, tool: str, mode: str = "auto", **arguments: Any) -> Any:
    """The result of one call of a tool."""

    async def ask() -> Any:
        async with Client(server(lambda: SqliteStore(file)), mode=mode) as client:
            return await client.call_tool(tool, arguments)

    return anyio.run(ask)


def answer(file: Path, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool."""
    result = call(file, tool, **arguments)
    assert not result.is_error, result.content
    found = result.structured_content
    return dict(found.get("result", found))


def test_all_tools_are_read_only(graph: Path) -> None:
    """The eight tools, each with a description and an output schema."""

    async def ask() -> Any:
        async with Client(server(lambda: SqliteStore(graph))) as client:
            return await client.list_tools()

    tools = anyio.run(ask).tools
    assert {tool.name for tool in tools} == TOOLS
    for tool in tools:
        assert tool.annotations.read_only_hint
        assert tool.description
        assert tool.output_schema


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("find", {"query": "crew"}, "title_crew"),
        ("describe", {"dataset": "titles"}, "average_rating"),
        (
            "lineage",
            {"node": "titles.average_rating", "direction": "upstream", "depth": 5, "direct": True},
            "title_ratings_tsv",
        ),
        ("impact", {"node": "title_crew.directors"}, "names"),
        ("lineage", {"node": "titles", "as_of": "2100-01-01"}, "stg_imdb__title_ratings"),
        ("changes", {"since": "2000-01-01", "dataset": "titles"}, "column.added column titles.average_rating"),
        ("path", {"source": "title_crew", "target": "names"}, "title_crew -> stg_imdb__title_crews"),
        ("runs", {"node": "titles"}, "COMPLETE"),
        ("why", {"dataset": "titles"}, "stale"),
    ],
)
def test_answers(graph: Path, tool: str, arguments: dict[str, Any], expected: str) -> None:
    """Each tool answers what its command does."""
    assert expected in json.dumps(answer(graph, tool, **arguments))


@pytest.mark.parametrize(
    ("tool", "query"), [("impact", {"node": "root"}), ("lineage", {"node": "root"}), ("find", {"query": "model"})]
)
def test_answers_are_bounded_and_pages_are_the_whole(wide: Path, tool: str, query: dict[str, str]) -> None:
    """No answer is larger than its budget; the union of pages is everything, each once."""
    seen: list[str] = []
    cursor, total = None, 0
    while True:
        arguments = {**query, **({"cursor": cursor} if cursor else {})}
        found = answer(wide, tool, **arguments)
        assert len(json.dumps(found)) <= MOST_TOKENS * CHARS_PER_TOKEN
        seen += [item["name"] for item in found["items"]]
        total, cursor = found["total"], found["next"]
        assert found["truncated"] == (cursor is not None)
        if cursor is None:
            break
    assert (len(seen), len(set(seen)), total) == (WIDE, WIDE, WIDE)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("describe", {"dataset": "titels"}, "did you mean"),
        ("lineage", {"node": "titles", "cursor": "x"}, "cursor"),
        ("impact", {"node": "titles", "cursor": "9" * 5_000}, "is not one of this answer"),
        ("find", {"query": "titles", "cursor": "9" * 5_000}, "is not one of this answer"),
        ("path", {"source": "titles", "target": "titles"}, "different"),
    ],
)
def test_errors_say_what_to_do(graph: Path, tool: str, arguments: dict[str, Any], message: str) -> None:
    """As a result that the assistant reads, not as a fault of the protocol."""
    result = call(graph, tool, **arguments)
    assert result.is_error
    assert message in result.content[0].text


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_both_protocol_eras(graph: Path, mode: str) -> None:
    """The stateless protocol of 2026 and the one with a handshake."""
    assert not call(graph, "find", mode, query="titles").is_error


def test_unknown_is_told_from_none(tmp_path: Path) -> None:
    """Beyond the end of column lineage the answer says unknown; a leaf has none."""
    file = tmp_path / "graph.db"
    a, b, c = table("a"), table("b"), table("c")
    sink = GraphSink(SqliteStore(file), IdentityRules.of())
    sink.write([decode_document(one) for one in (job(b, a, columns={"x2": [(a, "x")]}), job(c, b))])
    sink.close()
    found = answer(file, "impact", node="a.x")
    assert [name.rpartition(".")[2] for name in found["unknown"]] == ["b"]
    assert answer(file, "impact", node="c")["unknown"] == []


def test_calls_share_a_store_and_the_index(graph: Path) -> None:
    """A later call opens no store again, whether the one before succeeded or named nothing; the end closes it."""
    opened: list[SqliteStore] = []

    def open_store() -> SqliteStore:
        opened.append(SqliteStore(graph))
        return opened[-1]

    async def ask() -> None:
        async with Client(server(open_store), raise_exceptions=False) as client:
            for query in ("titles", "title_crew"):
                await client.call_tool("find", {"query": query})
            for dataset in ("titles", "no_such_table", "titles"):
                await client.call_tool("describe", {"dataset": dataset})

    anyio.run(ask)
    assert len(opened) == 2, "one for the index, one for the calls"
    for store in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            store.read(["x"])
