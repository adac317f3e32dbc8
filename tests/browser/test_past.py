"""The past on the page: the slider with the moments of changes, comparisons in two colours, and links to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.alerts.alert_rig import Rig
from tests.support.api.serving import ServeProcess
from tests.support.page.browser import axe_in_both_themes, tab
from tests.support.page.changing_graph import DAY, STAGED, changing_graph, events
from tests.support.processes.command_line import headwater

SHOWN_BOXES = ".boxes > .box:not(.stub)"
DIFF = f"?node=orders&up=2&from={DAY}T09:10:00Z&to={DAY}T12:00:00Z"


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a graph whose lineage changed."""
    return changing_graph(tmp_path_factory.mktemp("changing"))


@pytest.fixture(scope="module")
def changed(graph: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page on this graph."""
    server = ServeProcess(Path(tmp_path_factory.mktemp("serve")), "--graph", graph, "--log-level", "error")
    yield server.url
    assert server.stop() == 0


def names(page: Page) -> set[str]:
    """The last parts of the names of the boxes."""
    found = page.locator(SHOWN_BOXES).evaluate_all("boxes => boxes.map(box => box.dataset.node.split('.').pop())")
    return set(found)


def marks(page: Page) -> dict[str, str]:
    """Each box that a comparison marks, with its mark."""
    script = "boxes => boxes.map(box => [box.dataset.node.split('.').pop(), box.getAttribute('class')])"
    found = page.locator(SHOWN_BOXES).evaluate_all(script)
    kinds = ("added", "removed", "changed")
    return {name: kind for name, classes in found for kind in kinds if kind in classes.split()}


def test_the_slider_goes_through_the_changes_with_the_keyboard(browser: Browser, changed: str) -> None:
    """Each step left shows the lineage of an earlier change; the address, the list and the graph follow."""
    with tab(browser, timezone_id="UTC") as page:
        page.goto(f"{changed}/?node=orders&up=2")
        slider = page.get_by_role("slider", name="As of")
        expect(slider).to_have_attribute("aria-valuetext", "now")
        expect(page.locator(".tick")).to_have_count(6)
        expect(page.locator(".tick.breaking")).to_have_count(2)
        slider.focus()
        page.keyboard.press("ArrowLeft")
        expect(slider).to_have_attribute("aria-valuetext", re.compile(r"12:00, \d+ changes, breaking"))
        page.keyboard.press("ArrowLeft")
        expect(slider).to_have_attribute("aria-valuetext", re.compile("11:00, 4 changes"))
        expect(page.get_by_role("tree", name="Lineage of orders")).to_contain_text("raw_orders")
        expect(page.get_by_role("tree", name="Lineage of orders")).not_to_contain_text("orders_feed")
        expect(page.locator(SHOWN_BOXES)).to_have_count(5)
        assert names(page) == {"raw_orders", "customers", "stg_orders", "orders", "revenue"}
        assert f"at={DAY}T11%3A00%3A00" in page.url
        page.keyboard.press("ArrowLeft")
        expect(page.locator(SHOWN_BOXES)).to_have_count(4)
        page.get_by_role("button", name="Back to now").press("Enter")
        expect(page.get_by_role("tree", name="Lineage of orders")).to_contain_text("orders_feed")
        assert "at=" not in page.url


def test_tabs_are_of_the_moment_too(browser: Browser, changed: str) -> None:
    """Columns, types and runs are those of the moment."""
    with tab(browser) as page:
        page.goto(f"{changed}/?node=stg_orders&at={DAY}T09:30:00Z&tab=columns")
        expect(page.get_by_role("row", name="amount")).to_contain_text("integer")
        expect(page.get_by_role("row", name="currency")).to_have_count(0)
        page.get_by_role("tab", name="Runs").click()
        expect(page.get_by_text("2 of 2 runs")).to_be_visible()
        page.get_by_role("button", name="Back to now").click()
        expect(page.get_by_text("4 of 4 runs")).to_be_visible()
        page.get_by_role("tab", name="Columns").click()
        expect(page.get_by_role("row", name="currency")).to_be_visible()


def test_a_comparison_has_two_colours(browser: Browser, changed: str) -> None:
    """Added and removed datasets, columns and edges are marked in the graph and listed, with their jobs."""
    with tab(browser, timezone_id="UTC") as page:
        page.goto(f"{changed}/{DIFF}")
        expect(page.locator(".box.added")).to_have_count(2)
        expect(page.locator(".box.changed")).to_have_count(2)
        assert marks(page) == {
            "orders_feed": "added",
            "customers": "added",
            "stg_orders": "changed",
            "orders": "changed",
        }
        expect(page.locator(".line.table.removed")).to_have_count(1)
        expect(page.locator(".line.table.added")).to_have_count(2)
        expect(page.locator(".line.column.removed")).to_have_count(2)
        expect(page.locator(".line.column.added")).to_have_count(3)
        assert page.locator(".row.added").evaluate_all("rows => rows.map(row => row.dataset.column).sort()") == [
            "currency",
            "customer",
        ]
        colours = [
            page.locator(f".line.table.{kind}").first.evaluate("line => getComputedStyle(line).stroke")
            for kind in ("added", "removed")
        ]
        assert len(set(colours)) == 2
        changes = page.get_by_role("region", name="Changes")
        expect(changes).to_contain_text("17 changes, 2 breaking")
        expect(changes).to_contain_text("removed: edge raw_orders → stg_orders")
        expect(changes).to_contain_text("column stg_orders.amount: integer → numeric(18,2)")
        changes.get_by_role("button", name="stg_orders").first.click()
        expect(page.get_by_text("Job dbt/model.p.dev.s.stg_orders")).to_be_visible()


def test_the_tree_has_the_comparison(browser: Browser, changed: str) -> None:
    """Assistive technology gets in words what the graph shows by colour."""
    with tab(browser) as page:
        page.goto(f"{changed}/{DIFF}")
        tree = page.get_by_role("tree", name="Lineage of orders")
        expect(tree).to_match_aria_snapshot(
            """
            - tree "Lineage of orders":
              - treeitem /Upstream 2 direct/ [expanded] [level=1]
              - treeitem /customers .*edge added · dataset added/ [level=2]
              - treeitem /stg_orders .*~amount \\+currency ~id/ [expanded] [level=2]
              - treeitem /orders_feed .*edge added/ [level=3]
              - treeitem /raw_orders .*edge removed/ [level=3]
            """
        )


def test_compare_with_the_keyboard_alone(browser: Browser, changed: str) -> None:
    """`Compare` shows the last change first; both sliders move, and never pass each other."""
    # At the first stop the dataset is not there yet, which the console notes.
    with tab(browser, complaints=False, timezone_id="UTC") as page:
        page.goto(f"{changed}/?node=orders&up=2")
        page.get_by_role("button", name="Compare").press("Enter")
        earlier, later = page.get_by_role("slider", name="From"), page.get_by_role("slider", name="To")
        expect(earlier).to_have_attribute("aria-valuetext", re.compile("11:00"))
        expect(later).to_have_attribute("aria-valuetext", "now")
        expect(page.locator(".line.table.removed")).to_have_count(1)
        expect(page.locator(".box.added")).to_have_count(1)
        earlier.press("ArrowLeft")
        expect(page.locator(".box.added")).to_have_count(2)
        later.press("Home")
        expect(later).to_have_attribute("aria-valuetext", re.compile("08:00"))
        expect(earlier).to_have_attribute("aria-valuetext", re.compile("07:59, before the first change"))
        earlier.press("End")
        expect(earlier).to_have_attribute("aria-valuetext", re.compile("12:00"))
        expect(later).to_have_attribute("aria-valuetext", "now")
        later.press("Home")
        later.press("ArrowRight")
        later.press("ArrowRight")
        expect(later).to_have_attribute("aria-valuetext", re.compile("08:10"))
        page.get_by_role("button", name="Compare").press("Enter")
        expect(page.get_by_role("slider", name="As of")).to_have_attribute("aria-valuetext", re.compile("08:10"))


def test_a_dataset_that_is_gone_is_described_as_it_was(browser: Browser, changed: str) -> None:
    """A comparison with a moment before a dataset was there opens on either side."""
    with tab(browser, complaints=False) as page:
        page.goto(f"{changed}/?node=customers&from={DAY}T09:10:00Z&to={DAY}T11:00:00Z")
        expect(page.locator(".box.root.added")).to_have_count(1)
        page.goto(f"{changed}/?node=customers&at={DAY}T09:10:00Z")
        expect(page.get_by_role("alert")).to_contain_text("Not found")
        page.get_by_role("button", name="Back to now").click()
        expect(page.locator(".box.root")).to_have_count(1)


@pytest.mark.parametrize("query", [f"?node=orders&up=2&at={DAY}T11:00:00Z", DIFF])
def test_axe_has_no_violation(browser: Browser, changed: str, query: str) -> None:
    """Slider, marks and list of changes pass axe in both themes."""
    with tab(browser) as page:
        page.goto(f"{changed}/{query}")
        page.wait_for_load_state("networkidle")
        expect(page.locator(".loading")).to_have_count(0)
        assert axe_in_both_themes(page) == {"light": [], "dark": []}


def test_the_narrow_page_does_not_scroll_sideways(browser: Browser, changed: str) -> None:
    """Both sliders fit on a telephone."""
    with tab(browser, viewport={"width": 360, "height": 740}) as page:
        page.goto(f"{changed}/{DIFF}")
        expect(page.get_by_role("slider")).to_have_count(2)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_scripts_the_tree_is_of_the_moment(browser: Browser, changed: str) -> None:
    """The server renders the past too, and its links stay in it."""
    with tab(browser, java_script_enabled=False) as page:
        page.goto(f"{changed}/?node=orders&up=2&at={DAY}T10:30:00Z")
        tree = page.get_by_role("tree", name="Lineage of orders")
        expect(tree).not_to_contain_text("customers")
        tree.get_by_role("link", name="stg_orders").click()
        expect(page.get_by_role("tree")).to_contain_text("raw_orders")
        page.get_by_role("link", name="Back to now").click()
        expect(page.get_by_role("tree")).to_contain_text("orders_feed")


def test_the_link_of_a_difference_shows_it(browser: Browser, graph: str, changed: str) -> None:
    """`headwater diff` prints a link, and the page behind it marks the same changes."""
    options = ("--graph", graph, "--alerts-page-url", changed, "--from", f"{DAY}T11:30:00Z", "--json")
    for about in ((), ("stg_orders",)):
        done = headwater("diff", *options, *about)
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        with tab(browser) as page:
            page.goto(found["link"])
            expect(page.get_by_role("heading", level=1)).to_have_text("stg_orders")
            expect(page.get_by_role("region", name="Changes")).to_contain_text(f"{found['breaking']} breaking")
            expect(page.locator(".line.table.removed")).to_have_count(1)
            expect(page.locator(".box.root.changed")).to_have_count(1)


def test_the_links_of_an_alert_show_what_it_says(browser: Browser, changed: str) -> None:
    """An alert on a lost source links to the moment at which it was lost, and to the difference."""
    rig = Rig(page_url=changed)
    *before, last = events()
    rig.begin(*before)
    lost = [entry for entry in rig.raised(last) if entry.rule == "lost-source"]
    assert [entry.subject for entry in lost] == [STAGED]
    links = json.loads(lost[0].body)["links"]
    with tab(browser) as page:
        page.goto(links["diff"])
        expect(page.locator(".line.table.removed")).to_have_count(1)
        expect(page.locator(".box.added")).to_have_count(1)
        expect(page.locator(".box.changed")).to_have_count(1)
        assert marks(page) == {"orders_feed": "added", "stg_orders": "changed"}
        page.goto(links["lineage"])
        expect(page.locator(SHOWN_BOXES)).to_have_count(3)
        assert names(page) == {"orders_feed", "stg_orders", "orders"}
