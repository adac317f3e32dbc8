"""Parts of a command's help, and the key of the flag `--debug`; imports no settings, so that it is quick to load."""

from __future__ import annotations

DEBUG = "headwater.debug"
"""Key of a context's `meta` that is true if tracebacks are shown."""


def examples(*lines: str) -> str:
    """Returns the end of a command's help with lines to type."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
