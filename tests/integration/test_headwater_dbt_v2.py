"""`headwater-dbt` with dbt v2, in each layout: dbt always runs, and looks the same from outside."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.dbt_v2 import DbtV2, Layout
from tests.support.fake_dbt import FakeDbt

LAYOUTS = pytest.mark.parametrize("layout", list(Layout), ids=lambda layout: layout.name.lower())


@LAYOUTS
@pytest.mark.parametrize("code", [0, 1, 2])
def test_output_and_exit_code_are_dbts(tmp_path: Path, layout: Layout, code: int) -> None:
    """To the byte, for each of dbt v2's exit codes."""
    dbt = DbtV2(tmp_path, layout)
    plain = dbt.run("build", OPENLINEAGE_DISABLED="true", REPLAY_EXIT=str(code))
    done = dbt.run("build", REPLAY_EXIT=str(code))
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
    assert (plain.returncode, plain.stdout.count("\n")) == (code, 16)


@LAYOUTS
@pytest.mark.parametrize("arguments", [["--version"], ["no-such-command"]])
def test_other_commands_are_dbts(tmp_path: Path, layout: Layout, arguments: list[str]) -> None:
    """Also those that dbt refuses."""
    dbt = DbtV2(tmp_path, layout)
    plain, done = dbt.run(*arguments, OPENLINEAGE_DISABLED="true"), dbt.run(*arguments)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout), done.stderr
    assert plain.stderr in done.stderr


@LAYOUTS
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)]
)
def test_a_signal_is_passed_on(tmp_path: Path, layout: Layout, number: signal.Signals, code: int) -> None:
    """v2 ends with 1 after Ctrl-C, and by any other signal itself."""
    dbt = DbtV2(tmp_path, layout)
    with dbt.start("build", "--log-format", "json", REPLAY_SPEED="0.01") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == code, said


def test_a_script_that_is_no_click_command_is_run_unchanged(tmp_path: Path) -> None:
    """The layout is not known, the entry point takes no context: the script runs as it would have by itself."""
    dbt = FakeDbt(tmp_path)
    entry = tmp_path / "dbt.d" / "dbt" / "cli" / "main.py"
    entry.write_text("import sys\ndef cli():\n    print(sys.argv[1:], sys.path[0])\n    return 3\n")
    plain = subprocess.run([tmp_path / "dbt", "run"], capture_output=True, text=True, check=False)
    done = dbt.run("run")
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout) == (3, plain.stdout), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "no lineage is sent" in done.stderr
