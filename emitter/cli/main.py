"""The command `headwater-dbt ARGS...`, which replaces `dbt ARGS...`, and `headwater-dbt spool` for events on disk."""

import sys
from collections.abc import Sequence

from emitter.errors import ConfigError
from emitter.runner import run
from emitter.runner.stderr import print_line

USAGE = 2


def main() -> int:
    """Runs dbt with this program's arguments, or the spool's command; returns the exit code."""
    if sys.argv[1:2] == ["spool"]:
        return _spool(sys.argv[2:])
    try:
        run(sys.argv[1:])
    except ConfigError as error:
        print_line(str(error))
    return USAGE


def _spool(arguments: Sequence[str]) -> int:
    try:
        from emitter.cli.spool import main as spool  # noqa: PLC0415 # dbt's commands do not need it
    except ModuleNotFoundError as error:
        if (error.name or "emitter").partition(".")[0] == "emitter":
            raise
        print_line(f"the Python module {error.name} is not installed: pip install 'headwater[emitter]'")
        return USAGE
    return spool(arguments)
