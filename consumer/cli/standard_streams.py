"""Standard streams of the process: closed ones are replaced, and failed writes are explained."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

ADVICE: Final[Mapping[int, str]] = {
    errno.ENOSPC: "free some and run the command again",
    errno.EDQUOT: "free some space of the quota and run the command again",
    errno.EFBIG: "raise the limit of file sizes and run the command again",
    errno.EIO: "check the device and run the command again",
}
"""The next action by the error of a write that is no fault of the program."""


def replace_closed() -> None:
    """Replaces closed streams: writes to stdout fail, what is written to stderr is dropped.

    Files that are opened later get other descriptors than those of the standard streams.
    """
    if sys.stdout is None:
        # A descriptor for reading, so that a command fails if it has something to print, and only then.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def explained(error: OSError) -> str | None:
    """Returns what a person can do about a failed write; None for other errors, and for a reader that has exited."""
    if error.errno == errno.EBADF and _fails_to_flush():
        return "standard output is closed, and the answer is lost; run the command with an output"
    advice = ADVICE.get(error.errno or 0)
    if advice is None:
        return None
    target = error.filename or ("standard output" if _fails_to_flush() else "a file")
    return f"writing to {target} failed: {os.strerror(error.errno or 0)}; {advice}"


def _fails_to_flush() -> bool:
    """Returns True if stdout holds data that can't be written; drops the data, which the exit would report again."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, sys.stdout.fileno())
            os.close(sink)
        return True
    return False
