"""How long a graph that does not serve is waited for: in all, for one answer, and once there is a request to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

ANSWER_TIMEOUT_S = 150.0
"""How long an answer may take: longer than Neptune's default query timeout, 120 s."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what can't be served now is tried again, before the caller decides.

    Attributes:
        for_s: For how many seconds; after a request to stop also the most that is waited for an answer.
        first_s: The first pause at most; pauses are random and double.
        most_s: The longest pause.
        answer_s: How many seconds one answer may take.
    """

    for_s: float = 30.0
    first_s: float = 0.05
    most_s: float = 5.0
    answer_s: float = ANSWER_TIMEOUT_S


class Waiting:
    """Whether a connection may go on waiting: always, until there is a request to stop and the patience is at its end.

    Then it is over for good: what is asked afterwards, such as to tidy up, would not be answered either.

    Args:
        patience: How long a request may take from the request to stop on, or from its own beginning if that is later.
        stop: Set by the request to stop; none will come if it is None.
        clock: Seconds; monotonic.
    """

    def __init__(
        self, patience: Patience, stop: threading.Event | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._stop = stop or threading.Event()
        self._clock = clock
        self._began = clock()
        self._stopped: float | None = None
        self._over = False

    def begin(self) -> None:
        """The next request begins."""
        self._began = self._clock()

    def end(self) -> None:
        """Nobody wants an answer any more."""
        self._over = True

    def is_over(self) -> bool:
        """Whether to wait no longer; from any thread. Asked from time to time, as that is how it sees a request."""
        if self._stop.is_set() and not self._over:
            now = self._clock()
            if self._stopped is None:
                self._stopped = now
            self._over = now >= max(self._stopped, self._began) + self._patience.for_s
        return self._over
