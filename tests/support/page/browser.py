"""A real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.support.docs.generated_docs import ROOT
from tests.support.processes.server_process import missing

WEB = ROOT / "consumer" / "web"
TIMEOUT_MS = 60_000


def chromium_program() -> str:
    """The browser's path; ends the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return found or missing("chromium is not on PATH", "install Debian's chromium (apt-get install chromium)")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_program(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


class Complaints:
    """The complaints of a page: errors of scripts, refused requests, violations of its policy."""

    def __init__(self, page: Page) -> None:
        self.found: list[str] = []
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.found.append(message.text)


@contextmanager
def tab(browser: Browser, *, complaints: bool = True, **context: object) -> Iterator[Page]:
    """A page in a context of its own; afterwards it must not have complained of anything.

    Args:
        browser: The browser.
        complaints: False if the test expects the page to complain.
        context: Options of Playwright's `new_context`.
    """
    options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", **context}
    opened = browser.new_context(**options)  # type: ignore[arg-type]
    try:
        page = opened.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        heard = Complaints(page)
        yield page
        assert not complaints or not heard.found, heard.found
    finally:
        opened.close()


def axe(page: Page) -> list[str]:
    """Runs axe; returns its violations, each with the elements that it found."""
    source = WEB / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        missing("axe-core is not installed", "npm ci --prefix consumer/web installs it")
    page.evaluate(source.read_text(encoding="utf-8"))
    violations = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [
        f"{one['id']}: {one['help']}: {', '.join(node['html'][:160] for node in one['nodes'][:4])}"
        for one in violations
    ]


def axe_in_both_themes(page: Page) -> dict[str, list[str]]:
    """Runs axe in the light theme and in the dark one."""
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        found[scheme] = axe(page)
    return found
