"""Virtual environments that hold the built wheel and one extra's dependencies, at the versions of the lock file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.support.processes.server_process import missing

ROOT = Path(__file__).parents[3]


class Installed:
    """A virtual environment made by uv from its cache.

    Args:
        folder: Where to make it.
        wheel: The built wheel of this tree.
        extras: Extras whose dependencies are installed beside the wheel.
    """

    def __init__(self, folder: Path, wheel: Path, *extras: str) -> None:
        self.bin = folder / "bin"
        wanted = [word for extra in extras for word in ("--extra", extra)]
        uv, python = _uv(), ("--python", sys.executable)
        sync = ("sync", "--frozen", "--no-default-groups", "--no-install-project", *wanted, *python)
        _run(uv, *sync, UV_PROJECT_ENVIRONMENT=str(folder))
        _run(uv, "pip", "install", "--no-deps", "--python", str(self.bin / "python"), str(wheel))

    def run(
        self, *words: str, env: Mapping[str, str] = MappingProxyType({}), cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The end of a command of this environment, which sees no other environment's programs or settings."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWATER_", "PYTHON"))}
        clean |= {"PATH": f"{self.bin}:/usr/bin:/bin", **env}
        command = [str(self.bin / words[0]), *words[1:]]
        return subprocess.run(command, env=clean, cwd=cwd, capture_output=True, text=True, check=False)


def build_wheel(folder: Path) -> Path:
    """Builds the wheel of this tree into a folder and returns its path."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    return built


def _uv() -> str:
    own = ROOT / ".cache" / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    return found or missing("uv is not installed", "make setup installs it")


def _run(*command: str, **environment: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, cwd=ROOT, env=variables | environment, check=True, capture_output=True)
