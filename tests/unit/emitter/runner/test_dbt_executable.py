"""The dbt that is on PATH, and the Python behind it."""

from pathlib import Path

import pytest

from emitter.errors import ConfigError
from emitter.runner.dbt_executable import find

ENTRY = "import sys\nfrom dbt.cli.main import cli\nsys.exit(cli())\n"


@pytest.mark.parametrize(
    ("head", "interpreter"),
    [
        ("#!/venv/bin/python\n", ("/venv/bin/python",)),
        ("#!/usr/bin/python3 -sP\n", ("/usr/bin/python3", "-sP")),
        ("#!/usr/bin/env python3.12\n", ("/usr/bin/env", "python3.12")),
        ("#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n' '''\n", ("/a b/python",)),
        ("#!/bin/sh\n'''exec' /long/python3 \"$0\" \"$@\"\n' '''\n", ("/long/python3",)),
        ("#!/bin/bash\n# dbt.cli.main is what it starts\n", None),
    ],
)
def test_the_interpreter_is_that_of_the_script(tmp_path: Path, head: str, interpreter: tuple[str, ...] | None) -> None:
    """In all the forms that installers write, with options; a shell script is not taken for one."""
    (tmp_path / "dbt").write_text(head + ENTRY)
    (tmp_path / "dbt").chmod(0o755)
    found = find(environ={"PATH": "/nowhere"}, here=tmp_path)
    assert (found.path, found.interpreter) == (str(tmp_path / "dbt"), interpreter)


@pytest.mark.parametrize("content", [b"\x7fELF\x02\x01dbt.cli.main", b"#!/usr/bin/env python\nimport other\n", b""])
def test_other_programs_have_none(tmp_path: Path, content: bytes) -> None:
    """A binary, and a Python program that is not dbt-core's entry point."""
    (tmp_path / "dbt").write_bytes(content)
    (tmp_path / "dbt").chmod(0o755)
    assert find(environ={"PATH": str(tmp_path)}, here=tmp_path / "elsewhere").interpreter is None


@pytest.mark.parametrize("named", ["{folder}/other/dbtf", "dbtf", "~/other/dbtf"])
def test_the_program_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    """HEADWATER_DBT holds a path, or a name that is looked up on PATH; a `dbt` beside the interpreter is ignored."""
    monkeypatch.setenv("HOME", str(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    for path in (tmp_path / "dbt", other / "dbtf"):
        path.write_bytes(b"\x7fELF")
        path.chmod(0o755)
    found = find(environ={"PATH": str(other), "HEADWATER_DBT": named.format(folder=tmp_path)}, here=tmp_path)
    assert (found.path, found.interpreter) == (str(other / "dbtf"), None)


def test_a_named_program_that_does_not_exist(tmp_path: Path) -> None:
    """Another dbt than the one that was asked for is never run in its place."""
    (tmp_path / "dbt").write_bytes(b"\x7fELF")
    (tmp_path / "dbt").chmod(0o755)
    with pytest.raises(ConfigError, match="HEADWATER_DBT=/nowhere/dbt is not an executable file"):
        find(environ={"PATH": str(tmp_path), "HEADWATER_DBT": "/nowhere/dbt"}, here=tmp_path)


def test_no_dbt_is_a_wrong_set_up(tmp_path: Path) -> None:
    """And the message says what to install."""
    with pytest.raises(ConfigError, match="pip install dbt-core"):
        find(environ={"PATH": str(tmp_path)}, here=tmp_path)


def test_it_does_not_start_itself(tmp_path: Path) -> None:
    """As it would without end, where HEADWATER_DBT or a link names it."""
    (tmp_path / "dbt").write_text(
        "#!/venv/bin/python\nimport sys\nfrom emitter.cli.main import main\nsys.exit(main())\n"
    )
    (tmp_path / "dbt").chmod(0o755)
    with pytest.raises(ConfigError, match="is headwater-dbt itself: set HEADWATER_DBT"):
        find(environ={"PATH": str(tmp_path)}, here=tmp_path)
