"""Exit codes of `headwater`."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of a command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    """Usage or configuration error; click uses the same."""
    DIFFERENT = 3
    """`headwater diff` found what `--fail-on` names."""
    INTERRUPTED = 130
    """Ended by Ctrl-C, as shells report it."""
