"""`headwater-dbt ARGS`: dbt, and lineage of what it does, which dbt never notices."""

import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NoReturn

from emitter.runner.program import Program, find
from emitter.runner.telling import tell

__all__ = ["run"]

# Options of dbt-ol, which dbt doesn't know.
_STRUCTURED_LOGS = "--consume-structured-logs"
_JOB_NAME = "--openlineage-dbt-job-name"


def run(arguments: Sequence[str]) -> NoReturn:
    """Runs `dbt ARGUMENTS` with this process's standard streams, and ends with its exit code or by its signal.

    Raises:
        ConfigError: dbt is not installed.
    """
    program = find()
    arguments = _without_dbt_ols(arguments)
    if _is_disabled(os.environ):
        _become(program, arguments)
    if reason := _obstacle(program):
        _without_lineage(program, arguments, reason)
    from emitter.runner.supervisor import CannotListen, supervise  # noqa: PLC0415 # needs a Unix

    try:
        supervise(program, arguments)
    except CannotListen as error:
        _without_lineage(program, arguments, str(error))


def _is_disabled(environ: Mapping[str, str]) -> bool:
    return environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true"


def _obstacle(program: Program) -> str | None:
    """Why there can be no lineage, with what to do; None if there can."""
    if os.name != "posix":
        return "this system has no POSIX signals: run it on Linux or macOS"
    if find_spec("openlineage") is None or find_spec("openlineage.client") is None:
        return "openlineage-python is not installed: pip install 'headwater[emitter]'"
    if program.interpreter is None:
        # Engines that are not dbt-core have no callbacks; what they leave in target/ can still be read.
        return f"{program.path} is not dbt-core in Python: run `headwater backfill` on its target folder afterwards"
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


def _without_lineage(program: Program, arguments: Sequence[str], reason: str) -> NoReturn:
    tell(f"no lineage is sent, {reason}")
    _become(program, arguments)


def _become(program: Program, arguments: Sequence[str]) -> NoReturn:
    os.execv(program.path, [program.path, *arguments])  # noqa: S606 # the point of this program
