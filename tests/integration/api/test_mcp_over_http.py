"""`/mcp` of `headwater serve`, asked by mcp's own client in both eras of the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from consumer.api.access.keys import new_key
from tests.support.api.serving import ServeProcess
from tests.support.docs.generated_docs import ROOT
from tests.support.processes.command_line import headwater


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A graph of the demo's recorded events."""
    url = f"sqlite:///{tmp_path_factory.mktemp('graph')}/graph.db"
    assert headwater("ingest", "--graph", url, ROOT / "tests" / "data" / "demo" / "duckdb.jsonl").exit_code == 0
    return url


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """A key that reads, one that does not, and the file of both."""
    (reader, reads), (sender, sends) = new_key("reader"), new_key("sender")
    file = tmp_path_factory.mktemp("keys") / "keys.toml"
    file.write_text(
        f'[[keys]]\nid = "reader"\nsha256 = "{reads}"\nscopes = ["read"]\n'
        f'[[keys]]\nid = "sender"\nsha256 = "{sends}"\nscopes = ["ingest"]\n'
    )
    return reader, sender, file


@pytest.fixture(scope="module")
def server(graph: str, key: tuple[str, str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server that asks for keys."""
    process = ServeProcess(tmp_path_factory.mktemp("log"), "--graph", graph, "--keys-file", str(key[2]))
    yield process
    assert process.stop() == 0, process.log.read_text()


def ask(server: ServeProcess, key: str, mode: Any) -> Any:
    """A list of tools, a call, a resource and a prompt over one connection."""

    async def asked() -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        async with create_mcp_http_client(headers=headers) as http:
            transport = streamable_http_client(f"{server.url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                tools = await client.list_tools()
                found = await client.call_tool("lineage", {"node": "title_ratings", "direction": "upstream"})
                diagram = await client.read_resource("headwater://diagram/title_ratings")
                prompt = await client.get_prompt("investigate_late_table", {"dataset": "title_ratings"})
                return tools, found, diagram, prompt

    return anyio.run(asked)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_assistant_asks_over_http(server: ServeProcess, key: tuple[str, str, Path], mode: str) -> None:
    """The stateless protocol of 2026, and the one with a handshake."""
    tools, found, diagram, prompt = ask(server, key[0], mode)
    assert {"find", "describe", "lineage", "impact", "path", "runs", "why"} <= {tool.name for tool in tools.tools}
    assert "title_ratings_tsv" in found.content[0].text
    assert not found.is_error
    assert diagram.contents[0].text.startswith("flowchart LR")
    assert "title_ratings" in prompt.messages[0].content.text


def test_access_holds_for_assistants(server: ServeProcess, key: tuple[str, str, Path]) -> None:
    """401 without a key, 403 without the scope, 413 for what is no call of a tool; never a session."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        statuses = [
            client.post("/mcp", json=call, headers={"Authorization": f"Bearer {one}"}).status_code
            for one in ("x", "hw_reader_wrong", key[1])
        ]
        assert statuses == [401, 401, 403]
        known = {"Authorization": f"Bearer {key[0]}"}
        answer = client.post("/mcp", json=call, headers=known)
        assert "mcp-session-id" not in answer.headers
        assert client.post("/mcp", content=b'"' + b"a" * 400_000 + b'"', headers=known).status_code in {400, 413, 415}
        assert client.get("/mcp/none", headers=known).status_code == 404
        # Without sessions a stream would stay empty, and hold its connection for ever.
        refused = client.get("/mcp", headers=known)
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
