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
from tests.support.graph.example_graphs import job, table
from tests.support.graph.ingested_graphs import ingest_demo

TOOLS = {"find", "describe", "lineage", "impact", "changes", "path", "runs", "why"}
WIDE = 2_000
COLUMNS = 50


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a graph of the demo's recorded events."""
    return ingest_demo(tmp_path_factory.mktemp("graph"))


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
    """The answer of a tool: the same as structure and as text, within its budget."""
    result = call(file, tool, **arguments)
    assert not result.is_error, result.content
    text = result.content[0].text
    assert len(text.encode()) <= MOST_TOKENS * CHARS_PER_TOKEN
    assert json.loads(text) == result.structured_content
    return dict(result.structured_content)


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
        ("impact", {"node": "title_crew.directors", "as_of": "2100-01-01"}, "names"),
        ("path", {"source": "title_crew", "target": "names", "as_of": "2100-01-01"}, "stg_imdb__title_crews"),
        ("runs", {"node": "titles", "as_of": "2100-01-01"}, "COMPLETE"),
        ("why", {"dataset": "titles", "as_of": "2100-01-01"}, "known_since"),
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
        seen += [item["name"] for item in found["items"]]
        total, cursor = found["total"], found["next"]
        assert found["truncated"] == (cursor is not None)
        if cursor is None:
            break
    assert (len(seen), len(set(seen)), total) == (WIDE, WIDE, WIDE)


@pytest.fixture(scope="module")
def swollen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph of one table that has much of everything: columns, owners, tags, producers, readers, and long texts."""
    file = tmp_path_factory.mktemp("swollen") / "graph.db"
    fat, sources = table("fat"), [table(f"source_with_a_long_name_{at}") for at in range(100)]
    facets = {
        "documentation": {"description": "d" * 20_000},
        "ownership": {"owners": [{"name": f"owner-{at}"} for at in range(100)]},
        "tags": {"tags": [{"key": f"tag-{at}", "value": "v" * 500} for at in range(100)]},
        "schema": {"fields": [{"name": f"column_{at}", "description": "c" * 3_000} for at in range(COLUMNS)]},
    }
    events = [job(fat, *sources, name=f"writer_{at}", facets=facets) for at in range(5)]
    readers = [table(f"reader_with_a_long_name_{at}") for at in range(100)]
    events += [job(one, fat, columns={"x": [(fat, "column_7")]}) for one in readers]
    for event in events:
        event["job"]["facets"]["sql"] = {"query": "select 1 -- " + "x" * 5_000}
    sink = GraphSink(SqliteStore(file), IdentityRules.of())
    sink.write(list(map(decode_document, events)))
    sink.close()
    return file


@pytest.mark.parametrize(
    ("tool", "query"),
    [
        ("find", {"query": "a"}),
        ("describe", {"dataset": "fat"}),
        ("lineage", {"node": "fat"}),
        ("lineage", {"node": "fat.column_7"}),
        ("impact", {"node": "fat.column_7"}),
        ("changes", {"since": "2000-01-01"}),
        ("path", {"source": "source_with_a_long_name_1", "target": "reader_with_a_long_name_1"}),
        ("runs", {"node": "fat"}),
        ("why", {"dataset": "reader_with_a_long_name_1"}),
    ],
)
def test_no_answer_is_larger_than_its_budget(swollen: Path, tool: str, query: dict[str, str]) -> None:
    """However much there is of anything, also on the last of its pages."""
    cursor = None
    for _ in range(200):
        cursor = answer(swollen, tool, **query, **({"cursor": cursor} if cursor else {})).get("next")
        if cursor is None:
            return
    pytest.fail("the pages never end")


def test_long_names_fit_too(tmp_path: Path) -> None:
    """Of texts that are all as long as can be, each is cut shorter; an error is bounded as well."""
    file = tmp_path / "graph.db"
    long = "n" * 900
    facets = {
        "schema": {"fields": [{"name": "c" * 900, "type": "t" * 3_000, "description": "\N{GRINNING FACE}" * 3_000}]},
        "tags": {"tags": [{"key": "k" * 1_500, "value": "v" * 1_500, "source": "s" * 1_500, "field": "c" * 900}]},
        "ownership": {"owners": [{"name": "o" * 1_500}]},
        "documentation": {"description": '"\n' * 3_000},
        "dataQualityAssertions": {"assertions": [{"assertion": "a" * 1_500, "success": False, "column": "c" * 900}]},
        "dbt_exposures": {"exposures": [{"unique_id": "exposure.p." + "e" * 1_500, "name": "e", "url": "u" * 1_500}]},
    }
    event = job(table(long), table("s" * 900), facets=facets)
    event["job"]["facets"]["sql"] = {"query": '"\n' * 3_000}
    readers = [job(table(f"{at}{'r' * 900}"), table(long)) for at in range(30)]
    sink = GraphSink(SqliteStore(file), IdentityRules.of())
    sink.write(list(map(decode_document, [event, *readers])))
    sink.close()
    for tool, node in (("describe", {"dataset": long}), ("impact", {"node": long}), ("lineage", {"node": long})):
        found = answer(file, tool, **node)
        assert found["truncated"] == (found["next"] is not None)
    refused = call(file, "describe", dataset="r" * 890)
    assert refused.is_error
    assert len(refused.content[0].text) <= MOST_TOKENS * CHARS_PER_TOKEN


def test_a_list_that_is_cut_says_how_long_it_is(swollen: Path) -> None:
    """The columns of a description are paged; its other lists have their length beside them."""
    first = answer(swollen, "describe", dataset="fat")
    assert first["readers_total"] == 100 > len(first["readers"]) > 0
    assert first["columns_total"] == COLUMNS
    names = [one["name"] for one in first["columns"]]
    while first["next"]:
        first = answer(swollen, "describe", dataset="fat", cursor=first["next"])
        names += [one["name"] for one in first["columns"]]
    assert names == [f"column_{at}" for at in range(COLUMNS)]


def test_a_diagram_shows_what_is_nearest(wide: Path) -> None:
    """A large neighbourhood is cut, and the text says so."""

    async def ask() -> Any:
        async with Client(server(lambda: SqliteStore(wide))) as client:
            return await client.read_resource("headwater://diagram/root")

    text = anyio.run(ask).contents[0].text
    assert len(text) <= MOST_TOKENS * CHARS_PER_TOKEN
    assert f"of {WIDE} nodes are shown" in text


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("describe", {"dataset": "titels"}, "did you mean"),
        ("lineage", {"node": "titles", "cursor": "x"}, "cursor"),
        ("impact", {"node": "titles", "cursor": "9" * 5_000}, "is not one of this answer"),
        ("find", {"query": "titles", "cursor": "9" * 5_000}, "is not one of this answer"),
        ("path", {"source": "titles", "target": "titles"}, "different"),
        ("changes", {"since": "soon"}, "since 'soon' is not a time"),
        ("changes", {"since": "1d", "until": "soon"}, "until 'soon' is not a time"),
        ("why", {"dataset": "titles", "as_of": "soon"}, "as_of 'soon' is not a time"),
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
