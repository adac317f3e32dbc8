"""`headwater mcp` as a process, asked by mcp's own client over stdin and stdout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.support.api.serving import HEADWATER
from tests.support.docs.generated_docs import ROOT
from tests.support.processes.command_line import headwater


def test_an_assistant_asks_over_stdio(tmp_path: Path) -> None:
    """A call of a tool, a resource and a prompt; logs do not disturb the protocol."""
    graph = f"sqlite:///{tmp_path}/graph.db"
    assert headwater("ingest", "--graph", graph, ROOT / "tests" / "data" / "demo" / "duckdb.jsonl").exit_code == 0
    parameters = StdioServerParameters(command=str(HEADWATER), args=["mcp", "--graph", graph])

    async def ask() -> tuple[Any, Any, Any]:
        async with Client(parameters) as client:
            found = await client.call_tool("lineage", {"node": "title_ratings", "direction": "upstream"})
            diagram = await client.read_resource("headwater://diagram/title_ratings")
            prompt = await client.get_prompt("investigate_late_table", {"dataset": "title_ratings"})
            return found, diagram, prompt

    found, diagram, prompt = anyio.run(ask)
    assert "title_ratings_tsv" in found.content[0].text
    assert diagram.contents[0].text.startswith("flowchart LR")
    assert "title_ratings" in prompt.messages[0].content.text
