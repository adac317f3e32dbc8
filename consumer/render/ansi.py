"""ANSI codes for bold and dim text, so that rendering needs no library of terminals."""

from __future__ import annotations

_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


def bold(text: str) -> str:
    """Returns a text that a terminal shows in bold."""
    return f"{_BOLD}{text}{_RESET}"


def dim(text: str) -> str:
    """Returns a text that a terminal shows dimmed."""
    return f"{_DIM}{text}{_RESET}"
