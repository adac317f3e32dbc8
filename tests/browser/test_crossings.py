"""Crossings of lines, as they are drawn, beside those of Graphviz and ELK on fixed graphs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.support.api.serving import client_of
from tests.support.page.browser import WEB
from tests.support.processes.server_process import missing, require

SMALL = 500
"""Crossings of Graphviz up to which ours may be at most 1.2 times as many."""


def test_few_lines_cross(demo_graph: str) -> None:
    """At most 1.2 times Graphviz's crossings on graphs that can be followed by eye, and never more than ELK's."""
    require("node", "install Node.js 20 or newer, such as Debian's nodejs")
    if not (WEB / "node_modules" / "elkjs").exists():
        missing("the page's packages are not installed", "npm ci --prefix consumer/web installs them")
    with client_of(Path(demo_graph.removeprefix("sqlite:///"))) as client:
        demo = client.get("/api/v2/graph", params={"node": "titles", "upstream": 20, "downstream": 20}).text
    command = ["node", "run.mjs", "tests/crossings.ts"]
    done = subprocess.run(command, input=demo, cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 19
    for row in rows:
        assert row["own"] <= row["elk"], row
        assert row["graphviz"] > SMALL or row["own"] <= 1.2 * row["graphviz"], row
