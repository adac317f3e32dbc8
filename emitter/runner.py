"""Runs dbt-ol in place of this process, so that exit code, stdio and signals are its own."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from emitter.errors import ConfigError


def run(arguments: Sequence[str]) -> None:
    """Becomes `dbt-ol ARGUMENTS`; without dbt-ol it becomes `dbt ARGUMENTS` and says that no lineage is sent.

    Raises:
        ConfigError: if neither is installed. It returns in no other case.
    """
    path = os.environ.get("PATH", os.defpath)
    here = str(Path(sys.executable).parent)
    program = _find("dbt-ol", here, path)
    if program is None:
        sys.stderr.write("headwater-dbt: no dbt-ol here, so no lineage is sent: pip install 'headwater[dbt]'\n")
        program = _find("dbt", here, path)
    if program is None:
        raise ConfigError("neither dbt-ol nor dbt is installed here or on PATH: pip install 'headwater[dbt]'")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(program, [program, *arguments], _environment(here, path))  # noqa: S606 # the point of this program


def _find(program: str, here: str, path: str) -> str | None:
    """Finds a program next to this interpreter first, as the virtual environment need not be activated."""
    return shutil.which(program, path=here) or shutil.which(program, path=path)


def _environment(here: str, path: str) -> dict[str, str]:
    # dbt-ol starts `dbt` by its name, which is next to it but perhaps not on PATH.
    found = shutil.which("dbt", path=path) is not None
    return {**os.environ, "PATH": path if found else os.pathsep.join((path, here))}
