"""The page in a real browser, on the demo's graph: what a reader does with the mouse and with the keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from consumer.render.answers import CSV_HEADINGS
from tests.support.page.browser import axe_in_both_themes, tab

SHOWN_BOXES = ".boxes > .box:not(.stub)"


def places(page: Page) -> dict[str, str]:
    """The place of each box of the graph."""
    found: dict[str, str] = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('.boxes > .box')]"
        ".map(box => [box.dataset.node, box.getAttribute('transform')]))"
    )
    return found


def box(name: str) -> str:
    """The selector of the box of a dataset, by the end of its name."""
    return f".boxes > .box[data-node$='{name}']"


def test_search_opens_a_dataset(browser: Browser, url: str) -> None:
    """`/` focuses the search, results come while one types, Enter opens the first."""
    with tab(browser) as page:
        page.goto(url)
        page.keyboard.press("/")
        page.keyboard.type("titles")
        expect(page.get_by_role("option").first).to_contain_text("titles")
        expect(page.get_by_role("option").first).to_contain_text("Redshift")
        expect(page.get_by_role("option").first).to_contain_text("completed")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("titles")
        expect(page.locator(SHOWN_BOXES)).to_have_count(7)
        assert "node=redshift" in page.url


def test_what_feeds_a_column_with_the_keyboard_alone(browser: Browser, url: str) -> None:
    """From nothing to the source file of `titles.average_rating`, without a mouse."""
    with tab(browser) as page:
        page.goto(url)
        page.keyboard.press("/")
        page.keyboard.type("titles")
        expect(page.get_by_role("option").first).to_contain_text("titles")
        page.keyboard.press("Enter")
        expect(page.get_by_role("tab", name="Lineage")).to_be_visible()
        page.get_by_role("tab", name="Lineage").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Columns")).to_be_focused()
        expect(page.get_by_role("button", name="average_rating")).to_be_visible()
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "average_rating":
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="How average_rating is made")).to_contain_text("copied as it is")
        page.get_by_role("tab", name="Columns").focus()
        page.keyboard.press("ArrowLeft")
        tree = page.get_by_role("tree", name="Column lineage of average_rating")
        expect(
            tree.get_by_role("treeitem", name=re.compile(r"^title_ratings_tsv\.averagerating direct copied"))
        ).to_be_visible()
        for _ in range(4):
            page.keyboard.press("Tab")
        expect(tree.get_by_role("treeitem").first).to_be_focused()
        page.keyboard.press("End")
        expect(tree.get_by_role("treeitem").last).to_be_focused()


def test_what_breaks_with_the_keyboard_alone(browser: Browser, url: str) -> None:
    """From nothing to the datasets that a change of `title_crew` affects, and on to one of them, without a mouse."""
    with tab(browser) as page:
        page.goto(url)
        page.keyboard.press("/")
        page.keyboard.type("title_crew")
        expect(page.get_by_role("option").first).to_contain_text("title_crew")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("title_crew")
        page.get_by_role("tab", name="Lineage").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="Impact")).to_be_focused()
        expect(page.get_by_role("region", name="4 steps away")).to_contain_text("names")
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "stg_imdb__title_crews":
                break
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("stg_imdb__title_crews")


def test_a_column_lights_its_path_with_the_mouse_alone(browser: Browser, url: str) -> None:
    """Columns open on demand; a click on one shows its path to the source, by values and by rows; SQL on demand."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles")
        page.locator(box("dev.imdb.titles")).click()
        page.get_by_role("button", name="Columns in graph").click()
        page.locator(f"{box('dev.imdb.titles')} [data-column=average_rating]").click()
        expect(page.locator(".line.direct").first).to_be_attached()
        expect(page.locator(".line.indirect").first).to_be_attached()
        expect(page.locator(box("title_ratings_tsv"))).to_be_attached()
        page.get_by_role("tab", name="Columns").click()
        page.get_by_text("SQL", exact=True).click()
        expect(page.locator(".sql .sql-mark").first).to_have_text("average_rating")
        page.get_by_label("Only values (DIRECT)").check()
        expect(page.locator(".line.indirect")).to_have_count(0)
        page.keyboard.press("Escape")
        expect(page.locator(".line.direct")).to_have_count(0)


def test_what_breaks_if_a_table_changes(browser: Browser, url: str) -> None:
    """The impact list has distances and owners, and becomes a CSV file."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=title_crew&tab=impact")
        expect(page.get_by_role("region", name="4 steps away")).to_contain_text("names")
        page.get_by_label("If title_crew").select_option("stop")
        expect(page.get_by_text("5 datasets of 1 owner")).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="CSV").click()
        lines = download.value.path().read_text(encoding="utf-8").splitlines()
        assert lines[0] == ",".join(CSV_HEADINGS)
        assert len(lines) == 6
        assert "change=stop" in page.url


@pytest.mark.parametrize(("change", "count"), [("rename", 4), ("type", 4)])
def test_what_breaks_if_a_column_changes(browser: Browser, url: str, change: str, count: int) -> None:
    """The change is chosen in the list, stays in the address, and each dataset says how certain it is."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=title_crew&col=directors&tab=impact")
        page.get_by_label("If title_crew.directors").select_option(change)
        expect(page.get_by_text(f"{count} datasets of")).to_be_visible()
        expect(page.get_by_text("uses its values").first).to_be_visible()
        assert f"change={change}" in page.url


def test_why_names_the_nearest_cause(browser: Browser, url: str) -> None:
    """The root-cause list leads to the dataset and to the runs of its job."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles&tab=why")
        expect(page.get_by_text("possible causes")).to_be_visible()
        page.locator(".findings").get_by_role("button", name="Runs of stg_imdb__title_episodes").click()
        expect(page.get_by_text("Job dbt/model.imdb_athena.stg_imdb__title_episodes")).to_be_visible()
        expect(page.get_by_role("img", name=re.compile("Durations of 1 run"))).to_be_visible()
        expect(page.locator(".runs")).to_contain_text("started by")


def test_opening_leaves_places(browser: Browser, url: str) -> None:
    """Boxes keep their places when a dataset's neighbours, or its columns, are opened and folded."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles")
        expect(page.locator(SHOWN_BOXES)).to_have_count(7)
        before = places(page)
        page.locator(f"{box('new_stg_imdb__title_basics')} [data-handle='<']").click()
        expect(page.locator(box("imdb_stg/stg_imdb__title_basics"))).to_be_attached()
        after = places(page)
        assert {name: after[name] for name in before} == before
        page.locator(box("new_stg_imdb__title_basics")).hover()
        page.locator(f"{box('new_stg_imdb__title_basics')} [data-handle='<']").click()
        expect(page.locator(SHOWN_BOXES)).to_have_count(7)
        assert places(page) == before


def test_opened_columns_leave_places(browser: Browser, url: str) -> None:
    """No box moves sideways when a dataset shows its columns, and its own stays; folded, all are back."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles")
        expect(page.locator(SHOWN_BOXES)).to_have_count(7)
        before = places(page)
        page.locator(box("new_stg_imdb__title_basics")).click()
        columns = page.get_by_role("button", name="Columns in graph")
        columns.click()
        expect(page.locator(f"{box('new_stg_imdb__title_basics')} .row").first).to_be_visible()
        after = places(page)
        assert {name: place.split()[0] for name, place in after.items()} == {
            name: place.split()[0] for name, place in before.items()
        }
        [own] = [name for name in before if name.endswith("new_stg_imdb__title_basics")]
        assert after[own] == before[own]
        columns.click()
        expect(page.locator(f"{box('new_stg_imdb__title_basics')} .row")).to_have_count(0)
        assert places(page) == before


def test_levels(browser: Browser, url: str) -> None:
    """All levels reach the files that everything is made from."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles")
        page.get_by_role("button", name="Upstream all levels").click()
        expect(page.get_by_text("26 datasets shown")).to_be_visible()
        assert "up=all" in page.url
        page.go_back()
        expect(page.get_by_text("7 datasets shown")).to_be_visible()


def test_a_link_shows_a_colleague_the_same(browser: Browser, url: str) -> None:
    """The address holds root, selection, column, opened datasets, tab and filter."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles")
        page.locator(f"{box('new_stg_imdb__title_basics')} [data-handle='<']").click()
        expect(page.locator(box("imdb_stg/stg_imdb__title_basics"))).to_be_attached()
        page.locator(box("new_stg_imdb__title_ratings")).click()
        page.get_by_role("tab", name="About").click()
        page.get_by_placeholder("Highlight").fill("ratings")
        expect(page.locator(".filter output")).to_have_text("1")
        link, shown = page.url, page.locator(SHOWN_BOXES).count()
    with tab(browser) as page:
        page.goto(link)
        expect(page.get_by_role("heading", level=1)).to_have_text("new_stg_imdb__title_ratings")
        expect(page.get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true")
        expect(page.get_by_placeholder("Highlight")).to_have_value("ratings")
        expect(page.locator(SHOWN_BOXES)).to_have_count(shown)


def test_the_list_is_a_tree_for_screen_readers(browser: Browser, url: str) -> None:
    """The list has the content of the graph, with levels and states, as assistive technology sees it."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=names&up=2")
        tree = page.get_by_role("tree", name="Lineage of names")
        expect(tree.get_by_role("treeitem", name=re.compile("int_directors_flattened"))).to_be_visible()
        expect(tree).to_match_aria_snapshot(
            """
            - tree "Lineage of names":
              - treeitem /Upstream \\d direct/ [expanded] [level=1]
              - treeitem /int_directors_.* last run completed Redshift · table · 1 upstream/ [expanded] [level=2]
              - treeitem /new_stg_imdb__title_crews last run completed/ [level=3]
            """
        )
        first = tree.get_by_role("treeitem").first
        first.focus()
        page.keyboard.press("ArrowLeft")
        expect(first).to_have_attribute("aria-expanded", "false")
        expect(page.locator(SHOWN_BOXES)).to_have_count(1)
        page.keyboard.press("ArrowRight")
        expect(first).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("ArrowDown")
        expect(tree.get_by_role("treeitem").nth(1)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("tree", name="Lineage of new_stg_imdb__name_basics")).to_be_visible()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?q=title",
        *(f"?node=titles&col=average_rating&tab={name}" for name in ("lineage", "columns", "impact")),
        *(f"?node=titles&cols=titles&tab={name}" for name in ("why", "runs", "about")),
        "?node=nothing",
    ],
)
def test_axe_has_no_violation(browser: Browser, url: str, query: str) -> None:
    """Contrast, names, roles and structure pass axe in both themes, in every view."""
    with tab(browser, complaints=False) as page:
        page.goto(f"{url}/{query}")
        page.wait_for_load_state("networkidle")
        expect(page.locator(".loading")).to_have_count(0)
        assert axe_in_both_themes(page) == {"light": [], "dark": []}


@pytest.mark.parametrize("size", [(360, 740), (768, 1024), (3840, 2160)])
def test_every_screen(browser: Browser, url: str, size: tuple[int, int]) -> None:
    """From a telephone to 4k nothing is cut off: the page does not scroll sideways, graph and list can be seen."""
    with tab(browser, viewport={"width": size[0], "height": size[1]}) as page:
        page.goto(f"{url}/?node=titles")
        expect(page.locator(SHOWN_BOXES).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        page.get_by_role("tree").scroll_into_view_if_needed()
        expect(page.get_by_role("treeitem").first).to_be_visible()


def test_times_are_the_readers(browser: Browser, url: str) -> None:
    """Times are in the reader's zone, and UTC stands in their title."""
    with tab(browser, timezone_id="Asia/Tokyo") as page:
        page.goto(f"{url}/?node=titles&tab=runs")
        time = page.locator(".runs time").first
        expect(time).to_have_text(re.compile(r"29 Nov 2026, 07:43"))
        expect(time).to_have_attribute("title", "2026-11-28 22:43:01 UTC")


def test_without_scripts_a_tree_answers(browser: Browser, url: str) -> None:
    """Without JavaScript the server renders the tree; its links lead on, and its form searches."""
    with tab(browser, java_script_enabled=False) as page:
        page.goto(f"{url}/?node=titles")
        tree = page.get_by_role("tree", name="Lineage of titles")
        expect(tree).to_contain_text("Upstream: 6 direct")
        tree.get_by_role("link", name="new_stg_imdb__title_ratings").click()
        expect(page.get_by_role("heading")).to_have_text("new_stg_imdb__title_ratings")
        page.get_by_label("Search datasets").fill("crew")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("link", name="title_crew", exact=True)).to_be_visible()
