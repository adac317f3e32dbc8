"""dbt v2, which can't be installed here: a program that replays recorded samples, in the layouts in which v2 comes."""

from enum import Enum
from pathlib import Path
from typing import Any

from tests.support.dbt.fake_dbt import HeadwaterDbt

SAMPLES = Path(__file__).parents[2] / "data" / "dbt_v2"
REPLAY = Path(__file__).parents[2] / "stand_ins" / "dbt_v2" / "dbt"

# As in dbt's wheel: the entry point takes no argument and ends the process by itself; dbt has no callbacks.
_MAIN = """
from dbt._core import run_cli as _run_cli

class dbtRunner:
    def __init__(self, manifest=None, callbacks=None):
        if manifest is not None or callbacks:
            raise NotImplementedError("not supported by dbt v2")

def cli() -> None:
    import sys
    _run_cli(sys.argv)
"""
_CORE = """
import os, runpy, sys
def run_cli(argv):
    sys.argv = list(argv)
    try:
        runpy.run_path({replay!r}, run_name="__main__")
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(end.code or 0)
"""

# dbt v2's binary does this before anything else, and its package from PyPI does not.
_ENV_FILE = """
import os, pathlib
if pathlib.Path(".env").is_file():
    for line in pathlib.Path(".env").read_text().splitlines():
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)
"""

PROFILES = {
    "duckdb": "{type: duckdb, path: dev.duckdb}",
    "redshift": "{type: redshift, host: wg.us-east-1, port: 5439, user: someone, password: planted-secret}",
}


def write_project(folder: Path, adapter: str) -> None:
    """The files of a project's folder that are read beside dbt: its name, and its connection."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text("name: shop\nversion: '1.0'\nprofile: shop\n")
    (folder / "profiles.yml").write_text(f"shop:\n  target: prod\n  outputs:\n    prod: {PROFILES[adapter]}\n")


class Layout(Enum):
    """The forms in which dbt v2 is installed."""

    PIP = "a console script and a package in Python's folder"
    BINARY = "one program"


class DbtV2(HeadwaterDbt):
    """A folder with a `dbt` v2 that replays a sample.

    Args:
        folder: An empty folder.
        layout: How it is installed.
        sample: Name of the sample's folder below `SAMPLES`.
    """

    def __init__(self, folder: Path, layout: Layout = Layout.BINARY, sample: str = "duckdb") -> None:
        super().__init__(folder)
        self.sample = SAMPLES / sample
        write_project(folder, sample)
        if layout is Layout.PIP:
            self._install_package()
        else:
            _program(folder / "dbt", f"#!{folder / 'python'}\n{_ENV_FILE}{REPLAY.read_text()}")

    def environment(self, transport: Any = None, **more: str) -> dict[str, str]:
        """The environment for `headwater-dbt`; the replay has no pauses unless REPLAY_SPEED is given."""
        replay = {"REPLAY_SAMPLE": str(self.sample), "REPLAY_SPEED": "0"}
        return super().environment(transport, **(replay | more))

    def _install_package(self) -> None:
        home = self.folder / "dbt.d"
        files = {
            "__init__.py": "",
            "cli/__init__.py": "",
            "cli/main.py": _MAIN,
            "_core.py": _CORE.format(replay=str(REPLAY)),
        }
        for name, text in files.items():
            path = home / "dbt" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        script = home / "script"
        _program(script, f"#!{self.folder / 'python'}\nimport sys\nfrom dbt.cli.main import cli\nsys.exit(cli())\n")
        (self.folder / "dbt").symlink_to(script)


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
