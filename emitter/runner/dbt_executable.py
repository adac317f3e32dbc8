"""The `dbt` program: its location, and the Python interpreter of a console script."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from emitter.errors import ConfigError

DBT = "HEADWATER_DBT"
"""Environment variable that names the program, by its path or by a name on PATH."""

_ENTRY = b"dbt.cli.main"
_OURS = b"from emitter.cli.main import"
_HEAD_BYTES = 4096
# The first lines of pip's and uv's scripts if the interpreter's path is too long, or has a space, for a `#!` line.
_TRAMPOLINE = re.compile(r"""^'''exec' (.+) "\$0" "\$@"$""", re.MULTILINE)


class Program(NamedTuple):
    """A program to run.

    Attributes:
        path: Path of the file.
        interpreter: Command of the Python that runs the console script of a `dbt` package: of dbt-core, or of dbt v2
            from PyPI. None for any other program, such as dbt v2's standalone binary or a wrapper.
    """

    path: str
    interpreter: tuple[str, ...] | None


def find(environ: Mapping[str, str] = os.environ, here: Path = Path(sys.executable).parent) -> Program:
    """Finds the program that HEADWATER_DBT names, else `dbt` next to this interpreter, else `dbt` on PATH.

    The interpreter's folder comes before PATH because the virtual environment need not be activated.

    Args:
        environ: The environment variables.
        here: The interpreter's folder.

    Raises:
        ConfigError: There is no such program, or it is ours.
    """
    search = environ.get("PATH", os.defpath)
    if named := environ.get(DBT):
        path = shutil.which(os.path.expanduser(named), path=search)  # noqa: PTH111 # a plain name stays one
        if path is None:
            raise ConfigError(f"{DBT}={named} is not an executable file and not on PATH: correct it or unset it")
    else:
        path = shutil.which("dbt", path=str(here)) or shutil.which("dbt", path=search)
    if path is None:
        raise ConfigError("dbt is not installed here or on PATH: pip install dbt-core and dbt's adapter")
    if _is_ourselves(Path(path)):
        raise ConfigError(f"{path} is headwater-dbt itself: set {DBT} to dbt's own program")
    return Program(path, _interpreter(Path(path)))


def _is_ourselves(script: Path) -> bool:
    """True for `headwater-dbt` itself, which would start itself endlessly."""
    try:
        with script.open("rb") as file:
            return _OURS in file.read(_HEAD_BYTES)
    except OSError:
        return False


def _interpreter(script: Path) -> tuple[str, ...] | None:
    try:
        with script.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    if not head.startswith(b"#!") or _ENTRY not in head:
        return None
    text = head.decode(errors="surrogateescape")
    if trampoline := _TRAMPOLINE.search(text):
        return tuple(shlex.split(trampoline[1]))
    command = tuple(shlex.split(text[2:].partition("\n")[0]))
    return command if any("python" in word for word in command) else None
