"""`headwater-dbt ARGS...` is `dbt-ol ARGS...`, to whoever looks at it from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = "import sys; from emitter.cli import main; sys.exit(main())"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of programs with a Python of its own."""
    (tmp_path / "python").symlink_to(Path(sys.executable).resolve())
    return tmp_path


def program(folder: Path, name: str, body: str) -> None:
    """Makes a shell script."""
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def headwater_dbt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with that folder's Python, which is not on PATH."""
    return subprocess.run(
        [folder / "python", "-c", SCRIPT, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        input="typed",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_arguments_stdio_and_exit_code_are_passed(folder: Path) -> None:
    """Whatever the arguments hold; and `dbt` is found beside dbt-ol."""
    program(folder, "dbt", "exit 0")
    program(folder, "dbt-ol", 'printf "<%s>" "$@"; cat; command -v dbt >&2; exit 7')
    done = headwater_dbt(folder, "run", "--vars", "{a: 'b c'}", "")
    assert (done.returncode, done.stdout, done.stderr) == (
        7,
        "<run><--vars><{a: 'b c'}><>typed",
        f"{folder / 'dbt'}\n",
    )


def test_a_signal_ends_it_as_it_ends_dbt(folder: Path) -> None:
    """An orchestrator that kills it sees the same end."""
    program(folder, "dbt-ol", "kill -TERM $$")
    assert headwater_dbt(folder, "run").returncode == -signal.SIGTERM


def test_without_dbt_ol_dbt_runs(folder: Path) -> None:
    """Lineage is what gets lost then, and that is told."""
    program(folder, "dbt", 'echo "dbt $1"; exit 3')
    done = headwater_dbt(folder, "run")
    assert (done.returncode, done.stdout) == (3, "dbt run\n")
    assert "no lineage is sent: pip install 'headwater[dbt]'" in done.stderr


def test_without_dbt_it_says_so(folder: Path) -> None:
    """The exit code of a wrong set-up is 2."""
    done = headwater_dbt(folder, "run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "neither dbt-ol nor dbt is installed" in done.stderr
