"""Retry policy and shutdown deadline of requests to a graph."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

RESPONSE_TIMEOUT_S = 150.0
"""Timeout of a response in seconds; longer than Neptune's default query timeout, 120 s."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The retry policy of requests.

    Attributes:
        max_elapsed_s: Seconds until the deadline of a request; after a request to stop, also the longest wait for a
            response.
        initial_backoff_s: Maximum of the first backoff in seconds; backoffs are random, and the maximum doubles.
        max_backoff_s: Maximum backoff in seconds.
        response_timeout_s: Timeout of one response in seconds.
    """

    max_elapsed_s: float = 30.0
    initial_backoff_s: float = 0.05
    max_backoff_s: float = 5.0
    response_timeout_s: float = RESPONSE_TIMEOUT_S


class ShutdownDeadline:
    """The deadline of a connection after a request to stop; without one, there is no deadline.

    Once expired, it stays so: later requests, such as clean-up, would not be answered either.

    Args:
        retry_policy: Its `max_elapsed_s` counts from the request to stop, or from a later beginning of a request.
        stop: Set by the request to stop; None if there is none.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        retry_policy: RetryPolicy,
        stop: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retry_policy = retry_policy
        self._stop = stop or threading.Event()
        self._clock = clock
        self._began = clock()
        self._stopped: float | None = None
        self._expired = False

    def begin(self) -> None:
        """Notes the beginning of the next request."""
        self._began = self._clock()

    def end(self) -> None:
        """Expires the deadline at once."""
        self._expired = True

    def has_expired(self) -> bool:
        """True if the deadline has expired; for any thread. Must be polled, as this starts the time after `stop`."""
        if self._stop.is_set() and not self._expired:
            now = self._clock()
            if self._stopped is None:
                self._stopped = now
            self._expired = now >= max(self._stopped, self._began) + self._retry_policy.max_elapsed_s
        return self._expired
