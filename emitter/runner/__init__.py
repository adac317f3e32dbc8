"""`headwater-dbt ARGS`: runs dbt and emits lineage of the run, without any effect on dbt."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NoReturn

from emitter.runner.dbt_executable import Program, find
from emitter.runner.shim import execute
from emitter.runner.stderr import print_line

__all__ = ["run"]

# Options of dbt-ol that dbt does not have.
_STRUCTURED_LOGS = "--consume-structured-logs"
_JOB_NAME = "--openlineage-dbt-job-name"
_POSIX = "posix"


def run(arguments: Sequence[str], *, system: str = os.name) -> NoReturn:
    """Runs `dbt ARGUMENTS` with this process's standard streams, and exits with dbt's exit code or by its signal.

    Args:
        arguments: The arguments of dbt, with or without those of dbt-ol.
        system: The kind of operating system, as `os.name`.

    Raises:
        ConfigError: dbt is not installed.
    """
    program = find()
    arguments = _without_dbt_ols(arguments)
    if _is_disabled(os.environ):
        _execute(program, arguments, system)
    if reason := _obstacle(system):
        _without_lineage(program, arguments, system, reason)
    from emitter.runner.supervisor import EventLogUnavailable, supervise  # noqa: PLC0415 # needs a Unix

    try:
        supervise(program, arguments)
    except EventLogUnavailable as error:
        _without_lineage(program, arguments, system, str(error))


def _is_disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"


def _obstacle(system: str) -> str | None:
    """Returns the reason why lineage is impossible, with the next action; None if it is possible."""
    if system != _POSIX:
        return "this system has no POSIX signals: run it on Linux or macOS"
    if find_spec("openlineage") is None or find_spec("openlineage.client") is None:
        return "openlineage-python is not installed: pip install 'headwater[emitter]'"
    return None


def _without_dbt_ols(arguments: Sequence[str]) -> list[str]:
    """Removes the options of dbt-ol, so that this program replaces it unchanged, and applies them."""
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
    print_line(f"no lineage is sent, {reason}")
    _execute(program, arguments, system)


def _execute(program: Program, arguments: Sequence[str], system: str) -> NoReturn:
    if system != _POSIX:
        # On Windows, exec starts a new process, and the parent of the old one gets exit code 0 at once.
        sys.exit(subprocess.call([program.path, *arguments]))  # noqa: S603 # the user's own command
    execute(program.path, list(arguments), os.environ)
