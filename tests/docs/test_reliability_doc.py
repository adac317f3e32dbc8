"""The tests that documents name as proof of a promise are there, and no test of a fault is left out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = ("reliability.md", "reliability-emitter.md")
FAULTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/e2e/test_consume_*.py"))
"""Files of which every test is the proof of a promise."""

FILE = r"tests/[\w/]+\.py"


def names_in(file: str) -> set[str]:
    """The names of a file's tests, within classes too."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def proofs(document: str) -> list[tuple[str, str]]:
    """Each test that a document's tables name, with its file: the row's own, else the last one named before the table.

    A name that begins with `...` is the end of one.
    """
    found, standing = [], ""
    for line in (DOCS / document).read_text(encoding="utf-8").splitlines():
        files = re.findall(rf"`({FILE})`", line)
        if not line.startswith("|"):
            standing = files[-1] if files else standing
            continue
        named = re.findall(r"`((?:\.\.\.|test)_\w+)`", line)
        found += [(name.lstrip("."), files[0] if files else standing) for name in named]
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_proofs_are_tests(document: str) -> None:
    """Every test that a document names is in the file that it names."""
    named = proofs(document)
    assert named, f"docs/{document} names no test"
    missing = [f"{name} in {file}" for name, file in named if not any(t.endswith(name) for t in names_in(file))]
    assert not missing, f"docs/{document} names what is no test: {', '.join(missing)}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_row_has_a_proof(document: str) -> None:
    """No fault is listed without a test, or a file of tests."""
    text = (DOCS / document).read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| fault |")]
    bare = [row for row in rows if not re.search(rf"`(?:test_\w+|{FILE})`", row.rsplit(" | ", 1)[-1])]
    assert not bare, f"docs/{document} proves nothing of {bare}"


@pytest.mark.parametrize("file", FAULTS)
def test_every_fault_is_told(file: str) -> None:
    """Every test of a fault is named, so that what is promised is all that is proved."""
    untold = names_in(file) - {name for name, where in proofs("reliability.md") if where == file}
    assert not untold, f"docs/reliability.md does not name {untold} of {file}"
