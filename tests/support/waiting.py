"""Waiting for a condition, without taking the processor from those who bring it about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE_S = 120.0
PAUSE_S = 0.05


def wait_until(
    condition: Callable[[], object],
    what: str,
    *,
    patience_s: float = PATIENCE_S,
    pause_s: float = PAUSE_S,
    check: Callable[[], object] | None = None,
    context: Callable[[], str] | None = None,
) -> None:
    """Waits until a condition holds.

    Args:
        condition: Asked again and again.
        what: Comes about, in words, such as "the topic is read".
        patience_s: Seconds until the test fails.
        pause_s: Seconds between two looks; longer where a look is costly.
        check: Raises when waiting is of no use, such as after the end of a process.
        context: Text for the failure, such as the end of a log.

    Raises:
        AssertionError: It did not come about in time.
    """
    deadline, pause = time.monotonic() + patience_s, threading.Event()
    while not condition():
        if check is not None:
            check()
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: not within {patience_s:g} s\n{context() if context else ''}".rstrip())
        pause.wait(pause_s)
