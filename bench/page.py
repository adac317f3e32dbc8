"""`python -m bench.page`: the page in a real browser: first picture, frames while panning, and memory.

Graphs of 50, 1,000 and 10,000 models, all downstream of one source. `headwater serve` runs as a process; chromium opens
the page with all levels. The time until the first picture is that of the browser's clock, from the start of the
navigation to the frame after the first box. The best of several counts, since other programs only make it longer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, CDPSession, Page

from bench import report
from tests.support.api.serving import ServeProcess
from tests.support.graph.layered_graph import SOURCE, fill
from tests.support.page.browser import chromium

HEADS = ("graph", "boxes", "first picture, s", "CPU, s", "slowest frame while panning, ms", "heap, MB")
GRAPHS = ((50, 10), (1_000, 50), (10_000, 10))
"""Models and layers; in layers of 20 all of 1,000 are opened, in layers of 1,000 most are folded."""
SIZE = {"width": 1600, "height": 1000}

_FIRST_PICTURE = """
window.firstPicture = new Promise((resolve) => {
  const look = () => {
    if (document.querySelector('.boxes > .box')) requestAnimationFrame(() => resolve(performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
});
"""
_FRAMES = """
window.frames_ = []; let last = performance.now();
const note = (now) => { window.frames_.push(now - last); last = now; window.going_ && requestAnimationFrame(note); };
window.going_ = true; requestAnimationFrame(note);
"""


class Measured(NamedTuple):
    """What one visit took.

    Attributes:
        boxes: Boxes of the picture, as the page counts them.
        first_s: Seconds until the first picture.
        cpu_s: CPU seconds of the page's process until then.
        frame_ms: The longest frame while panning.
        heap_mb: Memory of scripts afterwards.
    """

    boxes: int
    first_s: float
    cpu_s: float
    frame_ms: float
    heap_mb: float


def metrics(session: CDPSession) -> dict[str, float]:
    """The browser's counters of a page."""
    found: dict[str, Any] = session.send("Performance.getMetrics")
    return {one["name"]: one["value"] for one in found["metrics"]}


def pan(page: Page) -> float:
    """Drags the picture about; returns the longest frame in ms."""
    page.evaluate(_FRAMES)
    middle = (SIZE["width"] * 0.35, SIZE["height"] * 0.5)
    for drag in range(4):
        page.mouse.move(*middle)
        page.mouse.down()
        for step in range(1, 25):
            page.mouse.move(middle[0] - step * 14 * (-1) ** drag, middle[1] + step * 6 * (-1) ** drag)
        page.mouse.up()
    # The first frame has what was under way before.
    longest: float = page.evaluate("() => { window.going_ = false; return Math.max(...window.frames_.slice(2)); }")
    return longest


def visit(browser: Browser, url: str) -> Measured:
    """Opens a page in a context of its own, and measures it."""
    context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        page.add_init_script(_FIRST_PICTURE)
        page.goto(url, wait_until="commit")
        page.locator(".boxes > .box").first.wait_for(timeout=120_000)
        first: float = page.evaluate("window.firstPicture")
        cpu = metrics(session)["ProcessTime"]
        page.wait_for_load_state("networkidle")
        frame = pan(page)
        session.send("HeapProfiler.collectGarbage")
        label = page.locator(".canvas svg").get_attribute("aria-label") or ""
        boxes = int("".join(filter(str.isdigit, label.partition(": ")[2].partition(" dataset")[0])))
        return Measured(boxes, first / 1000, cpu, frame, metrics(session)["JSHeapUsedSize"] / 1e6)
    finally:
        context.close()


def best(found: list[Measured]) -> Measured:
    """The least of each."""
    return Measured(found[0].boxes, *(min(values) for values in list(zip(*found, strict=True))[1:]))


def run(times: int) -> Iterator[tuple[str, ...]]:
    """Yields a row for each graph."""
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for models, layers in GRAPHS:
            file = Path(folder) / f"{models}.db"
            fill(file, models, layers)
            server = ServeProcess(Path(folder), "--graph", f"sqlite:///{file}", "--log-level", "error")
            try:
                found = best([visit(browser, f"{server.url}/?node={SOURCE}&down=all") for _ in range(times)])
            finally:
                server.stop()
            numbers = (f"{found.first_s:.2f}", f"{found.cpu_s:.2f}", f"{found.frame_ms:.0f}", f"{found.heap_mb:.0f}")
            yield (f"{models:,} models", f"{found.boxes:,}", *numbers)


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.page", __doc__ or "")
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened; the best counts (5)")
    options = parser.parse_args()
    rows = []
    for row in run(options.times):
        rows.append(row)
        print(*row, sep="  ", flush=True)
    report.tell("bench.page", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
