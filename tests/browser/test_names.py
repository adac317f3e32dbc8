"""Names that are long, hold a line break, or are none: the page keeps them whole and within the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import orjson
import pytest
from playwright.sync_api import Browser, expect

from consumer.graph.sqlite_store import SqliteStore
from tests.support.api.serving import ServeProcess
from tests.support.graph.example_graphs import job, table
from tests.support.graph.graph_of_events import write
from tests.support.page.browser import axe, tab

LONG = "long" * 150
BROKEN = "two\nlines"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server on a graph with a name of 600 characters and one with a line break, each read by many."""
    folder = tmp_path_factory.mktemp("names")
    long, broken = table(LONG), table(BROKEN)
    store = SqliteStore(folder / "graph.db")
    readers = [job(table(f"{LONG}_{number}"), long) for number in range(20)]
    like_a_job = ("job:dbt", "like_a_job")
    others = [job(broken, long), job(table("last"), broken), job(like_a_job, table("last"))]
    write(store, [[*readers, *others]])
    store.close()
    server = ServeProcess(folder, "--graph", f"sqlite:///{folder}/graph.db", "--log-level", "error")
    yield server
    assert server.stop() == 0


@pytest.mark.parametrize("name", ["lineage", "columns", "impact", "why", "runs", "about"])
def test_long_names_stay_on_the_screen(browser: Browser, odd: ServeProcess, name: str) -> None:
    """On a telephone and wide, the page does not scroll sideways, and what scrolls can be reached with the keyboard."""
    with tab(browser, viewport={"width": 360, "height": 740}) as page:
        page.goto(f"{odd.url}/?node={LONG}&tab={name}")
        page.wait_for_load_state("networkidle")
        expect(page.locator(".loading")).to_have_count(0)
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 740})
            page.wait_for_function("width => innerWidth === width", arg=width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            panel = page.locator("#tab-panel")
            assert panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") <= 0
            assert axe(page) == []


@pytest.mark.parametrize("name", ["lineage", "columns", "impact", "why", "runs", "about"])
def test_a_dataset_is_not_taken_for_a_job(browser: Browser, odd: ServeProcess, name: str) -> None:
    """Each tab is about the dataset whose namespace begins with `job:`, and the address names it as one."""
    with tab(browser) as page:
        page.goto(f"{odd.url}/?node=like_a_job&tab={name}")
        expect(page.locator(".box.dataset.root")).to_have_count(1)
        expect(page.get_by_role("tab")).to_have_count(6)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("alert")).to_have_count(0)
        expect(page.locator(".panel-head .where")).to_have_text("job:dbt/like_a_job")
        assert parse_qs(urlsplit(page.url).query)["node"] == ["dataset:job:dbt/like_a_job"]


def test_a_name_with_a_line_break_stays_one_name(browser: Browser, odd: ServeProcess) -> None:
    """From the search to each tab the API is asked for it as it is."""
    with tab(browser) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(odd.url)
        page.keyboard.press("/")
        page.keyboard.type("lines")
        # On a busy machine there are results of the first letters before.
        expect(page.get_by_role("option").first).to_contain_text("lines")
        page.get_by_role("option").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("lines")
        for name in ("Columns", "Impact", "Why", "Runs", "About", "Lineage"):
            page.get_by_role("tab", name=name).click()
            expect(page.locator(".loading")).to_have_count(0)
        nodes = {node for one in asked for node in parse_qs(urlsplit(one).query).get("node", [])}
        assert {node.rpartition("two")[2] for node in nodes} == {"\nlines"}, nodes
        page.goto(f"{odd.url}/?node={quote(BROKEN)}&tab=impact")
        expect(page.get_by_role("region", name="1 step away")).to_contain_text("last")


def test_an_empty_graph_names_the_next_step(browser: Browser, tmp_path: Path) -> None:
    """Before the first event the page says how one comes, and shows data as soon as there is some."""
    SqliteStore(tmp_path / "graph.db").close()
    server = ServeProcess(tmp_path, "--graph", f"sqlite:///{tmp_path}/graph.db", "--log-level", "error")
    try:
        with tab(browser) as page:
            page.goto(server.url)
            expect(page.get_by_text("The graph is empty")).to_be_visible()
            expect(page.get_by_text("headwater backfill target/")).to_be_visible()
            assert axe(page) == []
            event = job(table("b"), table("a"))
            assert httpx.post(f"{server.url}/api/v1/lineage", content=orjson.dumps(event)).status_code == 201
            page.get_by_role("button", name="Look again").click()
            expect(page.get_by_text("What do you want to trace?")).to_be_visible()
    finally:
        assert server.stop() == 0
