"""Large graphs do not kill the page: 3,000 models, and 10,000 once a day, are folded; everything can be reached."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.api.serving import ServeProcess
from tests.support.graph.layered_graph import SOURCE, fill
from tests.support.page.browser import tab
from tests.support.variants import one_of

BOXES = ".boxes > .box"


@pytest.fixture(scope="module", params=one_of([3_000, 10_000]))
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server on a graph of so many models, all of them downstream of one source."""
    folder = tmp_path_factory.mktemp("large")
    fill(folder / "graph.db", request.param)
    server = ServeProcess(folder, "--graph", f"sqlite:///{folder}/graph.db", "--log-level", "error")
    yield server
    assert server.stop() == 0


def test_all_levels_are_folded(browser: Browser, large: ServeProcess) -> None:
    """With all levels some neighbours are shown, the rest is counted, and a click shows more of them."""
    with tab(browser) as page:
        page.goto(f"{large.url}/?node={SOURCE}&down=all")
        more = page.locator(f"{BOXES}.stub")
        expect(more).to_contain_text(re.compile(r"\+ [\d,]+ more"))
        expect(page.get_by_text(re.compile("datasets shown, nearest first"))).to_be_visible()
        before = page.get_by_role("treeitem").count()
        page.get_by_role("treeitem", name=re.compile(r"^\+ [\d,]+ more")).click()
        expect(page.get_by_role("treeitem").nth(before + 100)).to_be_attached()
        assert "open=" in page.url


def test_impact_has_all(browser: Browser, large: ServeProcess) -> None:
    """The impact list counts every dataset downstream, also those that the graph folds."""
    with tab(browser) as page:
        page.goto(f"{large.url}/?node={SOURCE}&tab=impact")
        expect(page.get_by_text(re.compile(r"(3,000|10,000) datasets"))).to_be_visible()
        expect(page.get_by_role("region", name="10 steps away")).to_be_attached()


def test_only_what_is_in_view_is_drawn(browser: Browser, large: ServeProcess) -> None:
    """Of many boxes those far from the window are not in the document, and panning brings them."""
    with tab(browser) as page:
        page.goto(f"{large.url}/?node={SOURCE}&open=>{SOURCE}")
        expect(page.get_by_text(re.compile(r"\d+ datasets shown\."))).to_be_visible()
        page.goto(f"{large.url}/?node=model_00000&up=1&down=all")
        expect(page.locator(BOXES).first).to_be_visible()
        shown = int((page.locator(".canvas svg").get_attribute("aria-label") or "").split(": ")[1].split()[0])
        drawn = page.locator(BOXES).count()
        assert drawn <= shown
        page.get_by_role("button", name="Fit all").click()
        expect(page.locator(BOXES).first).to_be_visible()
