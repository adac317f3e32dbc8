"""The console script `headwater`: starts the command line, or names the extra that has to be installed first.

Only the standard library is imported here, because Headwater can be installed without the consumer's dependencies.
"""

from __future__ import annotations

import sys

from consumer.cli.exit_codes import ExitCode
from consumer.cli.extras import missing_extra


def main() -> int:
    """Runs the command line; returns 2 if a package of the extra `consumer` is not installed, 130 if interrupted."""
    try:
        from consumer.cli.main import main as run  # noqa: PLC0415 # imports what an extra installs

        run()
    except ModuleNotFoundError as error:
        if (advice := missing_extra(error)) is None:
            raise
        sys.stderr.write(f"headwater: {advice}\n")
        return ExitCode.USAGE
    except KeyboardInterrupt:
        # While modules are imported; later the command handles it.
        sys.stderr.write("headwater: interrupted\n")
        return ExitCode.INTERRUPTED
    return ExitCode.DONE
