"""The queries of docs/graph.md give on a TinkerPop server what the page says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import headwater
from tests.support.servers import GremlinServer

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "consumer" / "demo"
EVENTS = (ROOT / "tests" / "data" / "demo" / "duckdb.jsonl", *sorted((DEMO / "events").glob("*.jsonl")))
QUERY = re.compile(
    r"```gremlin\n%%gremlin(?: -d node_name -de edge_name)?\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL
)
QUERIES = QUERY.findall((ROOT / "docs" / "graph.md").read_text(encoding="utf-8"))


@pytest.fixture
def demo(gremlin_server: GremlinServer) -> GremlinServer:
    """A server with the graph of the demo."""
    gremlin_server.clear()
    done = headwater("ingest", "--graph", gremlin_server.url, "--config", DEMO / "headwater.toml", *EVENTS)
    assert done.exit_code == 0, done.output
    return gremlin_server


def printed(result: Any) -> str:
    """A result as the page shows it."""
    return result if isinstance(result, str) else json.dumps(result)


def test_queries_give_what_the_page_says(demo: GremlinServer) -> None:
    """Each query finds something, and just what is shown below it; the first two draw ways between tables."""
    assert len(QUERIES) == 8, "a query of docs/graph.md is not written as the others are"
    for query, expected in QUERIES:
        results = demo.query(query)
        assert results, f"nothing is found by\n{query}"
        if expected:
            assert sorted(map(printed, results)) == sorted(expected.splitlines()), query
        else:
            ends = {way["objects"][-1]["label"] for way in results}
            assert ends == {"lineage_node"}, f"no ways from table to table: {query}"
