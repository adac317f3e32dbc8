"""`scripts/page-images`: pictures of the page's main views for the documents, from the demo's recorded events."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from playwright.sync_api import Browser, expect

from tests.support.api.serving import ServeProcess
from tests.support.docs.generated_docs import ROOT
from tests.support.graph.ingested_graphs import demo_files
from tests.support.page.browser import chromium, tab
from tests.support.page.changing_graph import DAY, changing_graph
from tests.support.processes.command_line import headwater

IMAGES = ROOT / "docs" / "images"


class View(NamedTuple):
    """A picture: its file, the query of its address, window, theme, and True for the graph that changes."""

    file: str
    query: str
    size: tuple[int, int] = (1440, 860)
    scheme: str = "light"
    changing: bool = False


VIEWS = (
    View("page-graph.png", "?node=titles&up=2&tab=lineage"),
    View("page-column.png", "?node=titles&col=average_rating&tab=columns&direct=1&cols=titles"),
    View("page-impact.png", "?node=title_crew&down=all&tab=impact", scheme="dark"),
    View("page-small.png", "?node=names&up=2", (390, 844)),
    View("page-past.png", f"?node=orders&up=2&at={DAY}T11:00:00Z", (1440, 620), changing=True),
    View(
        "page-diff.png",
        f"?node=orders&up=2&from={DAY}T09:10:00Z&to={DAY}T12:00:00Z",
        (1440, 760),
        changing=True,
    ),
)


def main() -> None:
    """Takes the pictures."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        graph = f"sqlite:///{folder}/demo.db"
        config = ROOT / "consumer" / "demo" / "headwater.toml"
        done = headwater("ingest", "--graph", graph, "--config", config, *demo_files())
        if done.exit_code != 0:
            raise SystemExit(done.output)
        graphs = {False: graph, True: changing_graph(folder)}
        for changing, url in graphs.items():
            _take(browser, folder, url, [view for view in VIEWS if view.changing == changing])


def _take(browser: Browser, folder: Path, graph: str, views: Sequence[View]) -> None:
    server = ServeProcess(folder, "--graph", graph, "--log-level", "error")
    try:
        for view in views:
            size = {"width": view.size[0], "height": view.size[1]}
            with tab(browser, viewport=size, color_scheme=view.scheme) as page:
                page.goto(f"{server.url}/{view.query}")
                page.wait_for_load_state("networkidle")
                expect(page.locator(".loading")).to_have_count(0)
                page.screenshot(path=IMAGES / view.file)
            click.echo(IMAGES / view.file)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
