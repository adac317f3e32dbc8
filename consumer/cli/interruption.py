"""The advice at an interrupt of a command that is safe to run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ADVICE: Final = "what is done stays, and the command does the rest when it is run again"


@contextmanager
def repeatable() -> Iterator[None]:
    """Adds the advice to an interrupt within the block, for `headwater` to print; also a decorator of a command.

    Raises:
        KeyboardInterrupt: The block was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(ADVICE) from None
