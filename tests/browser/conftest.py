"""A browser, and servers on the demo's graph and on large ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.api.serving import ServeProcess
from tests.support.docs.generated_docs import ROOT
from tests.support.graph.ingested_graphs import demo_files
from tests.support.page.browser import chromium
from tests.support.processes.command_line import headwater


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser; of one module, since Playwright's loop must not outlive it."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def demo_graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a graph of the demo's recorded events."""
    graph = f"sqlite:///{tmp_path_factory.mktemp('graph')}/demo.db"
    config = ROOT / "consumer" / "demo" / "headwater.toml"
    done = headwater("ingest", "--graph", graph, "--config", config, *demo_files())
    assert done.exit_code == 0, done.output
    return graph


@pytest.fixture(scope="session")
def demo_server(demo_graph: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """`headwater serve` on the demo's graph."""
    server = ServeProcess(Path(tmp_path_factory.mktemp("serve")), "--graph", demo_graph, "--log-level", "error")
    yield server
    assert server.stop() == 0


@pytest.fixture
def url(demo_server: ServeProcess) -> str:
    """The address of the page on the demo's graph."""
    return demo_server.url
