"""States that are no accidents: loading, empty, error, not authorized, stale; and files, print, motion."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser, Route, expect

from consumer.api.access.keys import new_key
from consumer.graph.sqlite_store import SqliteStore
from tests.support.api.serving import ServeProcess
from tests.support.graph.example_graphs import job, table
from tests.support.graph.graph_of_events import write
from tests.support.page.browser import axe, tab

PNG = b"\x89PNG\r\n\x1a\n"
USE = {"unique_id": "exposure.p.weekly", "name": "weekly", "type": "dashboard", "url": "https://bi.example.com/1"}


@pytest.fixture(scope="module")
def keyed(demo_graph: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServeProcess, str]]:
    """A server that needs a key, and a key for it."""
    folder = tmp_path_factory.mktemp("keyed")
    key, sha256 = new_key("reader")
    (folder / "keys.toml").write_text(f'[[keys]]\nid = "reader"\nsha256 = "{sha256}"\nscopes = ["read"]\n', "utf-8")
    options = ("--graph", demo_graph, "--keys-file", str(folder / "keys.toml"), "--log-level", "error")
    server = ServeProcess(folder, *options)
    yield server, key
    assert server.stop() == 0


def test_without_a_key_the_page_asks_for_one(browser: Browser, keyed: tuple[ServeProcess, str]) -> None:
    """Not authorized: the page asks for a key, a wrong one asks again, the right one shows the graph."""
    server, key = keyed
    with tab(browser, complaints=False) as page:
        page.goto(f"{server.url}/?node=titles")
        expect(page.get_by_text("Not authorized")).to_be_visible()
        assert axe(page) == []
        field = page.get_by_label("Key with the scope read")
        field.fill("hw_wrong_" + "x" * 40)
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_role("alert").get_by_text("This key was not accepted")).to_be_visible()
        assert axe(page) == []
        field.fill(key)
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_text("7 datasets shown")).to_be_visible()


def test_a_key_can_be_typed_while_another_is_tried(browser: Browser, keyed: tuple[ServeProcess, str]) -> None:
    """The form stays while an answer is on its way, with what was typed since."""
    server, key = keyed
    held: list[Route] = []
    with tab(browser, complaints=False) as page:
        page.goto(f"{server.url}/?node=titles")
        field = page.get_by_label("Key with the scope read")
        field.fill("hw_wrong_" + "x" * 40)
        page.route("**/api/v2/graph*", lambda route: held.append(route))  # noqa: PLW0108 -- Playwright takes no built-in
        with page.expect_request("**/api/v2/graph*"):
            page.get_by_role("button", name="Use this key").click()
        field.fill(key)
        with page.expect_response("**/api/v2/graph*"):
            held[0].continue_()
        expect(page.get_by_text("This key was not accepted")).to_be_visible()
        expect(field).to_have_value(key)
        page.unroute("**/api/v2/graph*")
        page.get_by_role("button", name="Use this key").click()
        expect(page.get_by_text("7 datasets shown")).to_be_visible()


def test_an_unknown_name_is_explained(browser: Browser, url: str) -> None:
    """A name that means nothing shows what was meant perhaps, and no button that would not help."""
    with tab(browser, complaints=False) as page:
        page.goto(f"{url}/?node=titels")
        expect(page.get_by_role("alert")).to_contain_text("Not found")
        expect(page.get_by_role("alert")).to_contain_text("did you mean one of these?")
        expect(page.get_by_role("button", name="Try again")).to_have_count(0)


def test_an_unknown_column_is_named(browser: Browser, url: str) -> None:
    """A link to a column that the dataset does not have shows the dataset, and says so."""
    with tab(browser, complaints=False) as page:
        page.goto(f"{url}/?node=titles&col=nope&tab=columns")
        expect(page.get_by_role("status").filter(has_text="has no column nope; it has")).to_be_visible()
        assert axe(page) == []
        page.get_by_role("button", name="average_rating").click()
        expect(page.get_by_label("How average_rating is made")).to_be_visible()
        expect(page.get_by_text("has no column")).to_have_count(0)


def test_loading_is_shown(browser: Browser, url: str) -> None:
    """While an answer is on its way, the page says what it loads."""
    held: list[Route] = []
    with tab(browser) as page:
        page.route("**/api/v2/why*", lambda route: held.append(route))  # noqa: PLW0108 -- Playwright takes no built-in
        page.goto(f"{url}/?node=titles&tab=why")
        expect(page.get_by_text("Loading causes")).to_be_visible()
        assert axe(page) == []
        while not held:  # the request follows what is shown by a moment
            page.wait_for_timeout(10)
        held[0].continue_()
        expect(page.get_by_text("possible causes")).to_be_visible()


def test_an_answer_that_fails_leaves_the_old_one(browser: Browser, url: str) -> None:
    """Stale: when the graph does not answer, what was known stays, with its time and a way to try again."""
    unavailable = {"code": 503, "message": "the graph did not answer within 30 s"}
    with tab(browser, complaints=False) as page:
        page.goto(f"{url}/?node=titles&tab=why")
        expect(page.get_by_text("possible causes")).to_be_visible()
        page.route("**/api/v2/**", lambda route: route.fulfill(status=503, body=json.dumps(unavailable)))
        page.keyboard.press("r")
        expect(page.get_by_role("status").filter(has_text="Shown is the answer of").first).to_be_visible()
        expect(page.get_by_text("possible causes")).to_be_visible()
        assert axe(page) == []
        page.unroute("**/api/v2/**")
        page.get_by_role("button", name="Try again").first.click()
        expect(page.get_by_text("Shown is the answer of")).to_have_count(0)


def test_a_server_that_is_gone(browser: Browser, url: str) -> None:
    """An error without any answer before is explained, and can be tried again."""
    with tab(browser, complaints=False) as page:
        page.goto(url)
        page.route("**/api/v2/**", lambda route: route.abort())
        page.goto(f"{url}/?q=titles")
        expect(page.get_by_text("The server can't be reached.")).to_be_visible()


def test_empty_answers_say_what_is_known(browser: Browser, url: str) -> None:
    """An answer without findings says whether anything is known at all."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=title_crew_tsv&tab=runs")
        expect(page.get_by_text("No run is known")).to_be_visible()
        page.get_by_role("tab", name="Why").click()
        expect(page.get_by_text("without any known run")).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("zzzz")
        expect(page.get_by_text("Nothing matches.")).to_be_visible()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    """A server on a graph with an exposure, unknown column lineage, and a table of 40 columns."""
    folder = tmp_path_factory.mktemp("odd")
    a, b, c = table("a"), table("b"), table("c")
    fields = [{"name": f"column_{number:02}", "type": "integer"} for number in range(40)]
    facet = {"_producer": "https://example.com", "_schemaURL": "https://example.com/schema.json"}
    wide = {"schema": {**facet, "fields": fields}, "dbt_exposures": {"exposures": [USE]}}
    store = SqliteStore(folder / "graph.db")
    write(store, [[job(b, a, columns={"column_01": [(a, "x")]}, facets=wide), job(c, b)]])
    store.close()
    server = ServeProcess(folder, "--graph", f"sqlite:///{folder}/graph.db", "--log-level", "error")
    yield server
    assert server.stop() == 0


def test_exposures_are_leaves_and_unknown_is_unknown(browser: Browser, odd: ServeProcess) -> None:
    """An exposure has a form of its own; beyond the end of column lineage lines are dotted, and the list says so."""
    with tab(browser) as page:
        page.goto(f"{odd.url}/?node=b&col=column_01")
        expect(page.locator(".box.exposure")).to_have_count(1)
        expect(page.locator(".line.unknown")).to_have_count(1)
        expect(page.locator(".line.use")).to_have_count(1)
        expect(page.get_by_text("Column lineage is unknown beyond b")).to_be_visible()
        page.get_by_role("tab", name="Impact").click()
        expect(page.get_by_text("may use it: columns unknown")).to_be_visible()
        expect(page.get_by_role("region", name="Used by 1 exposure")).to_contain_text("weekly")
        page.locator(".box.exposure").click()
        page.get_by_role("tab", name="About").click()
        expect(page.get_by_role("link", name="https://bi.example.com/1")).to_be_visible()


def test_wide_tables_open_some_columns(browser: Browser, odd: ServeProcess) -> None:
    """Of 40 columns the graph shows 15 and counts the rest, which the tab has."""
    with tab(browser) as page:
        page.goto(f"{odd.url}/?node=b&cols=b")
        expect(page.locator(".box.root .row")).to_have_count(16)
        page.get_by_text("+ 25 more columns").click()
        expect(page.get_by_role("row")).to_have_count(41)


def test_files(browser: Browser, url: str) -> None:
    """The picture is saved as SVG and PNG, the list as CSV."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles")
        found: dict[str, bytes] = {}
        for label in ("Picture as SVG", "Picture as PNG", "List as CSV"):
            page.get_by_role("button", name="Export").click()
            with page.expect_download() as download:
                page.get_by_role("menuitem", name=label).click()
            found[download.value.suggested_filename] = download.value.path().read_bytes()
        assert set(found) == {"titles.svg", "titles.png", "titles.csv"}
        svg = ET.fromstring(found["titles.svg"])  # noqa: S314 -- our own file
        texts = {"".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")}
        assert "titles" in texts
        assert len(svg.findall(".//*[@data-node]")) == 7
        assert b"var(--" in found["titles.svg"]
        assert re.search(rb"--surface:rgb\(255, 255, 255\)", found["titles.svg"])
        assert found["titles.png"].startswith(PNG)
        assert int.from_bytes(found["titles.png"][16:20], "big") > 800
        assert len(found["titles.csv"].splitlines()) == 8


def test_print_and_less_motion(browser: Browser, url: str) -> None:
    """Printed are graph and list, without controls; with reduced motion nothing turns quickly."""
    with tab(browser, reduced_motion="reduce") as page:
        page.goto(f"{url}/?node=titles")
        expect(page.locator(".boxes > .box").first).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator(".toolbar")).to_be_hidden()
        expect(page.locator(".top")).to_be_hidden()
        expect(page.locator(".boxes > .box").first).to_be_visible()
        expect(page.get_by_role("tree")).to_be_visible()


def test_the_link_is_copied(browser: Browser, url: str) -> None:
    """`Copy link` puts the address on the clipboard."""
    with tab(browser, permissions=["clipboard-read", "clipboard-write"]) as page:
        # Or on a busy machine the word may be gone before it is looked for.
        page.clock.install()
        page.goto(f"{url}/?node=titles&tab=why")
        expect(page.get_by_text("possible causes")).to_be_visible()
        page.clock.pause_at(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
        page.get_by_role("button", name="Copy link").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == page.url
        page.clock.run_for(2_000)
        expect(page.get_by_role("button", name="Copy link")).to_be_visible()


def test_times_of_the_past_stay_in_the_address(browser: Browser, url: str) -> None:
    """`at`, `from` and `to` survive what else changes, and `at` is passed on to the API."""
    with tab(browser, complaints=False) as page:
        times = "at=2026-11-28T00:00:00Z&from=2026-11-01T00:00:00Z&to=2026-11-28T00:00:00Z"
        with page.expect_request(lambda request: "as_of=2026-11-28" in request.url):
            page.goto(f"{url}/?node=titles&{times}")
        expect(page.locator("h1").first).to_be_attached()
        page.keyboard.press("/")
        assert "at=2026-11-28" in page.url
        assert "from=2026-11-01" in page.url
