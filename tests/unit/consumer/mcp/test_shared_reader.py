"""The tools within the bounds of a server that they are a part of."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from mcp import Client

from consumer.api.read_threads import WAITING_PER_THREAD, ReadPool
from consumer.graph.sqlite_store import SqliteStore
from consumer.mcp.server import server_on
from consumer.query.catalog.fresh_index import FreshIndex


def test_an_assistant_takes_no_threads_of_its_own(tmp_path: Path) -> None:
    """A call waits with all other readers; beyond what may wait, or in time, the answer says so; no call is lost."""
    file = tmp_path / "graph.db"
    SqliteStore(file).close()
    opened: list[SqliteStore] = []
    gate = threading.Event()

    def open_store() -> SqliteStore:
        opened.append(SqliteStore(file))
        return opened[-1]

    async def ask(pool: ReadPool, tool: str, **arguments: Any) -> tuple[bool, str]:
        async with Client(server_on(pool, FreshIndex(open_store)), raise_exceptions=False) as client:
            found: Any = await client.call_tool(tool, arguments)
            return found.is_error, found.content[0].text

    async def scenario() -> None:
        with closing(ReadPool(open_store, 1, 60)) as pool:
            others = [asyncio.ensure_future(pool.read(lambda _: gate.wait())) for _ in range(WAITING_PER_THREAD + 1)]
            await asyncio.sleep(0)
            for tool, arguments in (("runs", {}), ("find", {"query": "a"})):
                failed, text = await ask(pool, tool, **arguments)
                assert (failed, "too many requests are waiting" in text) == (True, True)
            gate.set()
            assert await asyncio.gather(*others) == [True] * len(others)
            assert (await ask(pool, "runs"))[0] is False
        gate.clear()
        with closing(ReadPool(open_store, 1, 0.01)) as pool:
            other = asyncio.ensure_future(pool.read(lambda _: gate.wait()))
            failed, text = await ask(pool, "runs")
            assert (failed, "did not answer within" in text) == (True, True)
            gate.set()
            await asyncio.wait([other])

    asyncio.run(scenario())
    assert len(opened) == 2, "one for each pool"
