"""Time limits of requests: in all, for one response, and after a request to stop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from consumer.errors import TransientError

T = TypeVar("T")

RESPONSE_TIMEOUT_S = 150.0
"""Timeout of a response in seconds; longer than Neptune's default query timeout, 120 s."""

CHECK_INTERVAL_S = 0.25
"""Interval between two polls of the deadline, in seconds."""


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
    """The deadline of requests after a request to stop; without one, there is no deadline.

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
        self._stopped: float | None = None
        self._expired = False

    def begin(self) -> Callable[[], bool]:
        """Begins a request; returns a function that is true once the request has expired, for any thread.

        It must be polled, as this starts the time after a request to stop.
        """
        began = self._clock()
        return lambda: self._is_expired(began)

    def end(self) -> None:
        """Expires the deadline at once."""
        self._expired = True

    def _is_expired(self, began: float) -> bool:
        if self._stop.is_set() and not self._expired:
            now = self._clock()
            if self._stopped is None:
                self._stopped = now
            # A request that begins after the stop, such as a release of a lease, has the whole time as well.
            self._expired = now >= max(self._stopped, began) + self._retry_policy.max_elapsed_s
        return self._expired


async def limited(work: Awaitable[T], seconds: float, lack: str, has_expired: Callable[[], bool]) -> T:
    """Returns a result, unless it takes too long or the deadline expires.

    Args:
        work: The work.
        seconds: Maximum duration.
        lack: What was missing if it is broken off, such as `no answer from ADDRESS`.
        has_expired: True once the deadline has expired.

    Raises:
        TransientError: It was broken off.
    """
    loop = asyncio.get_running_loop()
    ends, task = loop.time() + seconds, asyncio.ensure_future(work)
    try:
        while not task.done():
            left = ends - loop.time()
            if left <= 0:
                raise TransientError(f"{lack} within {seconds:g} s")
            if has_expired():
                raise TransientError(f"{lack}, which is not waited for any longer")
            # Polled, as the request to stop is a `threading.Event`, which no coroutine can wait for.
            await asyncio.wait({task}, timeout=min(CHECK_INTERVAL_S, left))
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            # The caller closes the connection next, which must not be in use then.
            await asyncio.wait({task})
