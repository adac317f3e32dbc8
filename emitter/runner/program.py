"""The `dbt` program: where it is, and whether dbt-core in Python is behind it, which can be listened to."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emitter.errors import ConfigError

_ENTRY = b"dbt.cli.main"
_HEAD_BYTES = 4096
# What pip and uv write where the interpreter's path is too long, or has a space, for a `#!` line.
_TRAMPOLINE = re.compile(r"""^'''exec' (.+) "\$0" "\$@"$""", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """A program to run.

    Attributes:
        path: Of the file.
        interpreter: The command of the Python that runs dbt-core's entry point; None for any other program, such as
            a wrapper of somebody's own or dbt's engine in Rust.
    """

    path: str
    interpreter: tuple[str, ...] | None


def find(environ: Mapping[str, str] = os.environ, here: Path = Path(sys.executable).parent) -> Program:
    """Finds dbt next to this interpreter first, as the virtual environment need not be activated, then on PATH.

    Args:
        environ: The environment variables.
        here: The interpreter's folder.

    Raises:
        ConfigError: There is none.
    """
    path = shutil.which("dbt", path=str(here)) or shutil.which("dbt", path=environ.get("PATH", os.defpath))
    if path is None:
        raise ConfigError("dbt is not installed here or on PATH: pip install dbt-core and dbt's adapter")
    return Program(path, _interpreter(Path(path)))


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
