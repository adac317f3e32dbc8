"""How many examples a property test takes."""

from __future__ import annotations

import os

TIMES = int(os.environ.get("EXAMPLES", "1"))
"""How many times the usual number; `make laws` sets it."""


def examples(count: int) -> int:
    """So many examples as a test usually takes, times `EXAMPLES`."""
    return count * TIMES
