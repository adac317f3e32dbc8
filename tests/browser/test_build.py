"""The built page is what its sources make, its types are right, and it is small."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from tests.support.page.browser import WEB
from tests.support.processes.server_process import missing, require

DIST = WEB / "dist"
MOST_GZIPPED = 60 * 1024


def node(*words: str | Path) -> str:
    """Runs a program in consumer/web; returns its output."""
    require("node", "install Node.js 20 or newer, such as Debian's nodejs")
    if not (WEB / "node_modules").exists():
        missing("the page's packages are not installed", "npm ci --prefix consumer/web installs them")
    done = subprocess.run(list(map(str, words)), cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, words))}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_built_files_are_those_of_the_sources(tmp_path: Path) -> None:
    """A rebuild gives the committed bytes; `npm run build` in consumer/web brings them up to date."""
    node("node", "build.mjs", tmp_path)
    built = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(built) == {file.name for file in DIST.iterdir()}
    for name, data in built.items():
        assert (DIST / name).read_bytes() == data, f"{name}: run `npm run build` in consumer/web"


def test_types() -> None:
    """TypeScript's strict checks pass."""
    node("node_modules/.bin/tsc", "--noEmit")


@pytest.mark.parametrize("file", sorted(file.name.partition("_")[0] for file in (WEB / "tests").glob("*_test.ts*")))
def test_modules(file: str) -> None:
    """The tests of layout, state and picture, under Node."""
    assert "# fail 0" in node("node", "test.mjs", file)


def test_the_page_is_small() -> None:
    """Script and style are at most 60 KiB together, gzipped."""
    names = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    sizes = {name: len(gzip.compress((DIST / file).read_bytes(), 9)) for name, file in names.items()}
    assert sizes["page.js"] + sizes["page.css"] <= MOST_GZIPPED, sizes
