"""The command `headwater-dbt ARGS...`, in place of `dbt ARGS...`; `headwater-dbt spool` is about what waits on disk."""

import sys

from emitter.errors import ConfigError
from emitter.runner import run
from emitter.runner.telling import tell


def main() -> int:
    """Runs dbt with this program's arguments, or the spool's command; returns the exit code."""
    if sys.argv[1:2] == ["spool"]:
        from emitter.spool.command import main as spool  # noqa: PLC0415 # dbt's commands have no need of it

        return spool(sys.argv[2:])
    try:
        run(sys.argv[1:])
    except ConfigError as error:
        tell(str(error))
    return 2
