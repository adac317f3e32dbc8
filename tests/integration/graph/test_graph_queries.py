"""Questions to a TinkerPop server: docs/graph.md says what its queries give, and lineage is what SQLite gives."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.queries import DEPTH, questions, seed
from bench.workload import LAYERS, Project
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from tests.support.graph.counted_walks import CountingStore
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import GremlinServer

ROOT = Path(__file__).parents[3]
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


def test_deep_lineage_is_the_same_on_every_store_and_costs_a_question_a_level(
    tinkergraph_server: GremlinServer, tmp_path: Path
) -> None:
    """Twenty steps up and down, by table, column and all columns, as `python -m bench.queries` measures them."""
    project = Project("deep", 300, mixes=2)
    tinkergraph_server.clear()
    with (
        closing(SqliteStore(tmp_path / "graph.db")) as embedded,
        closing(open_gremlin(tinkergraph_server.url)) as remote,
    ):
        for store in (embedded, remote):
            seed(store, project)
        for question in questions(embedded, project):
            counting = CountingStore(remote)
            answer = question.ask(counting)
            assert answer == question.ask(embedded), f"{question.words}: the stores differ"
            levels = max(node.depth for node in answer.nodes)
            assert levels <= LAYERS < DEPTH, f"{question.words}: the project has {LAYERS} layers, on sources"
            # Up and down each level once, and once more to learn that there is no other; of `*` also its columns.
            most = 2 * (LAYERS + 2) + 2
            assert len(counting.labels) <= most, (
                f"{question.words}: {len(counting.labels)} questions for {LAYERS} layers"
            )
