"""`headwater-dbt ARGS`: dbt, and lineage of what it does, which dbt never notices."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NoReturn

from emitter.runner.dbt_executable import Program, find
from emitter.runner.shim import become
from emitter.runner.stderr import tell

__all__ = ["run"]

# Options of dbt-ol, which dbt doesn't know.
_STRUCTURED_LOGS = "--consume-structured-logs"
_JOB_NAME = "--openlineage-dbt-job-name"
_POSIX = "posix"


def run(arguments: Sequence[str], *, system: str = os.name) -> NoReturn:
    """Runs `dbt ARGUMENTS` with this process's standard streams, and ends with its exit code or by its signal.

    Args:
        arguments: dbt's, and those of dbt-ol.
        system: What Python calls the operating system's kind.

    Raises:
        ConfigError: dbt is not installed.
    """
    program = find()
    arguments = _without_dbt_ols(arguments)
    if _is_disabled(os.environ):
        _become(program, arguments, system)
    if reason := _obstacle(system):
        _without_lineage(program, arguments, system, reason)
    from emitter.runner.supervisor import CannotListen, supervise  # noqa: PLC0415 # needs a Unix

    try:
        supervise(program, arguments)
    except CannotListen as error:
        _without_lineage(program, arguments, system, str(error))


def _is_disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"


def _obstacle(system: str) -> str | None:
    """Why there can be no lineage, with what to do; None if there can."""
    if system != _POSIX:
        return "this system has no POSIX signals: run it on Linux or macOS"
    if find_spec("openlineage") is None or find_spec("openlineage.client") is None:
        return "openlineage-python is not installed: pip install 'headwater[emitter]'"
    return None


def _without_dbt_ols(arguments: Sequence[str]) -> list[str]:
    """Leaves out the options of dbt-ol, so that it can be replaced by this without a change; sets what they say."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == _JOB_NAME:
            os.environ["OPENLINEAGE_DBT_JOB_NAME"] = next(words, "")
        elif word.startswith(f"{_JOB_NAME}="):
            os.environ["OPENLINEAGE_DBT_JOB_NAME"] = word.partition("=")[2]
        elif word != _STRUCTURED_LOGS:
            kept.append(word)
    return kept


def _without_lineage(program: Program, arguments: Sequence[str], system: str, reason: str) -> NoReturn:
    tell(f"no lineage is sent, {reason}")
    _become(program, arguments, system)


def _become(program: Program, arguments: Sequence[str], system: str) -> NoReturn:
    if system != _POSIX:
        # There, a program that takes another's place is a new process, and who waits for the old one gets 0 at once.
        sys.exit(subprocess.call([program.path, *arguments]))  # noqa: S603 # it is what the user typed
    become(program.path, list(arguments), os.environ)
