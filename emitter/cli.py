"""The command `headwater-dbt ARGS...`, in place of `dbt ARGS...`."""

import sys

from emitter.errors import ConfigError
from emitter.runner import run


def main() -> int:
    """Runs dbt with this program's arguments; returns only if it can't be run, with 2."""
    try:
        run(sys.argv[1:])
    except ConfigError as error:
        sys.stderr.write(f"headwater-dbt: {error}\n")
    return 2
