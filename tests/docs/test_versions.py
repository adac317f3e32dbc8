"""The supported versions: one place sets each, and the documents follow it."""

from __future__ import annotations

import re

import pytest

from consumer.cli.commands.operations.demo import INSTALL
from tests.support.docs.versions import BOUNDS, ROOT, locked, producers, project, pythons, supported, upper_bounds
from tests.support.newer import newer


def test_each_upper_bound_has_its_reason() -> None:
    """And no reason is left of a bound that has gone."""
    assert upper_bounds() == set(BOUNDS)


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_reason_is_shown_by_tests(bound: str) -> None:
    """The tests that fail above the bound are there."""
    assert (ROOT / BOUNDS[bound].tests).is_file()


def test_the_first_python_is_the_least_that_is_required() -> None:
    """Code is checked for that version, too."""
    document = project()
    assert document["project"]["requires-python"] == f">={pythons()[0]}"
    assert document["tool"]["mypy"]["python_version"] == pythons()[0]
    assert document["tool"]["ruff"]["target-version"] == f"py{pythons()[0].replace('.', '')}"


def test_setup_takes_each_python() -> None:
    """`scripts/setup` looks for the same ones."""
    script = (ROOT / "scripts" / "setup").read_text("utf-8")
    assert f"for candidate in {' '.join(f'python{version}' for version in pythons())} " in script
    major, minor = pythons()[-1].split(".")
    assert f"sys.version_info < ({major}, {int(minor) + 1})" in script


def test_what_the_table_names() -> None:
    """Python, dbt and its adapters, brokers and graph servers, each with a version."""
    rows = {name: words for name, *words in supported()}
    assert {"Python", "dbt-core", "dbt-athena", "dbt-redshift", "dbt v2", "Kafka, MSK", "Amazon Neptune"} <= set(rows)
    assert all(word for words in rows.values() for word in words)


def test_each_recorded_producer_is_named() -> None:
    """With a version that stands in its events."""
    folder = ROOT / "tests" / "data" / "producers"
    named = {file: producer for file, producer, _ in producers()}
    assert set(named) == {path.stem for path in folder.glob("*.jsonl")}
    for file, producer in named.items():
        text = (folder / f"{file}.jsonl").read_text("utf-8")
        assert any(version in text for version in re.findall(r"\d+\.\d+\.\d+", producer)), (file, producer)


def test_what_a_plain_install_of_dbt_is() -> None:
    """The newest dbt of the document is the one that is tested, and the demo's advice has its bound."""
    text = (ROOT / "docs" / "versions.md").read_text("utf-8")
    assert f"not a pre-release is {locked('dbt-core')}," in text
    assert f"dbt-duckdb {locked('dbt-duckdb')} asks for" in text
    assert [bound for bound in BOUNDS if f"'{bound}'" in INSTALL] == ["dbt-core<2"]


def test_extras_are_named_as_they_are_declared() -> None:
    """In documents from a clone, in messages by the package's name."""
    extras = set(project()["project"]["optional-dependencies"])
    sources = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("consumer/**/*.py"),
        *ROOT.glob("emitter/**/*.py"),
    ]
    found = [
        (file, names)
        for file in sources
        for names in re.findall(r"'(?:\.|headwater)\[([a-z,]+)\]'", file.read_text("utf-8"))
    ]
    assert found
    assert [(file, names) for file, names in found if not set(names.split(",")) <= extras] == []


LOCK = """
[[package]]
name = "old"
version = "1.0"
[[package]]
name = "same"
version = "2.0"
"""


def test_what_is_newer_than_the_lock() -> None:
    """Packages of another version, and those that the lock does not have."""
    assert (
        newer("old==1.1\nsame==2.0 ; sys_platform == 'linux'\nadded==3.0\n", LOCK)
        == "old 1.1 (for 1.0), added 3.0 (new)"
    )
    assert newer("same==2.0\n", LOCK) == "nothing"
