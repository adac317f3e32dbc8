"""What is loaded while dbt still starts: what its command needs, and nothing once dbt has ended."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from emitter.refine.project_refiner import CACHE
from emitter.runner.commands import COMMANDS, may_have_lineage

PROGRAM = """
import json, os, sys
from pathlib import Path
from emitter.runner.preload import preload

preload(json.loads(sys.argv[1]), json.loads(sys.argv[2]), Path(sys.argv[3]), lambda: json.loads(sys.argv[4]))
print([name for name in ("openlineage.client", "sqlglot") if name in sys.modules])
"""


def loaded(
    arguments: list[str], here: Path, environ: Mapping[str, str] | None = None, *, is_running: bool = True
) -> str:
    """The libraries that a fresh process has loaded ahead of a command of dbt."""
    values = (json.dumps(arguments), json.dumps(environ or {}), str(here), json.dumps(is_running))
    command = [sys.executable, "-c", PROGRAM, *values]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder."""
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["build"], "['openlineage.client', 'sqlglot']"),
        (["--quiet", "run", "--select", "orders"], "['openlineage.client', 'sqlglot']"),
        (["seed"], "['openlineage.client']"),
        (["docs", "generate"], "['openlineage.client']"),
        (["parse"], "[]"),
        (["--version"], "[]"),
    ],
)
def test_a_command_gets_what_it_needs(project: Path, arguments: list[str], expected: str) -> None:
    """Commands without lineage load nothing; only commands that compile SQL load its parser."""
    assert loaded(arguments, project) == expected


@pytest.mark.parametrize("environ", [{"HEADWATER_REFINE": "false"}, {"HEADWATER_REFINE__COLUMN_LINEAGE": "off"}])
def test_no_parser_without_column_lineage(project: Path, environ: dict[str, str]) -> None:
    """Neither when refinement is off, nor when the lineage of columns is."""
    assert loaded(["build"], project, environ) == "['openlineage.client']"


def test_no_parser_where_a_cache_has_the_lineage(project: Path) -> None:
    """It is loaded later for a model that has changed."""
    (project / "target").mkdir()
    (project / "target" / CACHE).touch()
    assert loaded(["build"], project) == "['openlineage.client']"
    assert loaded(["build", "--target-path", "elsewhere"], project) == "['openlineage.client', 'sqlglot']"


def test_nothing_for_a_dbt_that_has_ended(project: Path) -> None:
    """It would only delay the end."""
    assert loaded(["build"], project, is_running=False) == "[]"


def test_wrong_options_are_reported_by_those_who_use_them(project: Path) -> None:
    """The lineage process starts all the same."""
    assert loaded(["build"], project, {"HEADWATER_REFINE__REDSHIFT_RULES": "[]"}) == "['openlineage.client']"


def test_the_word_of_a_command_decides() -> None:
    """Wherever it stands: dbt takes options before and after it."""
    assert all(may_have_lineage(["--quiet", command]) for command in COMMANDS)
    assert not may_have_lineage(["debug"])
