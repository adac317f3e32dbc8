"""A job on the page: its inputs and outputs as a graph, its runs, and the way there."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.page.browser import axe, tab
from tests.support.processes.command_line import headwater

JOB = "dbt/model.imdb_athena.stg_imdb__title_episodes"
BOXES = ".boxes > .box:not(.stub)"


def test_a_job_is_a_graph_of_its_inputs_and_outputs(browser: Browser, url: str) -> None:
    """The address `?job=` opens it; levels lead on, the tree has the same, and its runs are beside it."""
    with tab(browser) as page:
        page.goto(f"{url}/?job={JOB}")
        expect(page.get_by_role("heading", level=1)).to_have_text("stg_imdb__title_episodes")
        expect(page.locator(f"{BOXES}.job.root")).to_have_count(1)
        near = page.locator(BOXES).count()
        tree = page.get_by_role("tree", name="Lineage of stg_imdb__title_episodes")
        expect(tree).to_match_aria_snapshot(
            """
            - tree "Lineage of stg_imdb__title_episodes":
              - treeitem "Upstream 1 direct" [expanded] [level=1]
              - treeitem /title_episode/ [level=2]
              - treeitem "Downstream 1 direct" [expanded] [level=1]
              - treeitem /stg_imdb__title_episodes/ [level=2]
            """
        )
        assert axe(page) == []
        page.get_by_role("button", name="Downstream 2 levels").click()
        expect(page.locator(BOXES)).not_to_have_count(near)
        expect(page.get_by_role("tab")).to_have_count(3)
        page.get_by_role("tab", name="Runs").click()
        expect(page.get_by_role("img", name=re.compile("Durations of 1 run"))).to_be_visible()
        page.get_by_role("tab", name="About").click()
        expect(page.get_by_role("tabpanel")).to_contain_text("model.imdb_athena.stg_imdb__title_episodes")


def test_the_way_from_a_dataset_to_its_job_and_back(browser: Browser, url: str) -> None:
    """About, then runs, then the graph of the job; a dataset of it becomes the root again."""
    with tab(browser) as page:
        page.goto(f"{url}/?node=titles&tab=about")
        page.get_by_role("button", name=re.compile(r"^model\..*\.titles$")).first.click()
        page.get_by_role("button", name="Inputs and outputs").click()
        expect(page.locator(f"{BOXES}.job.root")).to_have_count(1)
        expect(page.locator(BOXES)).to_have_count(8)
        page.locator(f"{BOXES}[data-node$='dev.imdb.titles']").click()
        page.get_by_role("button", name="Focus").click()
        expect(page.locator(".box.dataset.root")).to_have_count(1)


def test_an_unknown_job_is_explained(browser: Browser, url: str) -> None:
    """A job that is not there is no empty graph."""
    with tab(browser, complaints=False) as page:
        page.goto(f"{url}/?job=dbt/nothing")
        expect(page.get_by_role("alert")).to_contain_text("Not found")


def test_a_file_has_the_job_too(browser: Browser, demo_graph: str, tmp_path: Path) -> None:
    """The page in a file shows the same inputs and outputs."""
    file = tmp_path / "lineage.html"
    done = headwater("export", "--graph", demo_graph, "--format", "html", "--output", file)
    assert done.exit_code == 0, done.output
    with tab(browser) as page:
        page.goto(f"{file.as_uri()}#job={JOB}")
        expect(page.locator(f"{BOXES}.job.root")).to_have_count(1)
        expect(page.get_by_role("treeitem", name=re.compile("Downstream 1 direct"))).to_be_visible()
