"""The rate limiter of posts: finds a process's share of the account's quota without knowing the other clients.

All clients of an account and Region share one quota, and DataZone does not report how much of it is left. So each
process raises its rate while posts are accepted, and lowers it by a factor when one is throttled (additive increase,
multiplicative decrease, as in TCP). A faster process is throttled more often and lowers its rate by more, so the rates
converge.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

MAX_SHARE: Final = 0.95
"""Highest rate as a fraction of the quota, so that a process alone is never throttled."""

INITIAL_SHARE: Final = 0.25
"""Initial rate as a fraction of the quota."""

INCREASE: Final = 0.05
"""Fraction of the quota that is added per second while posts are accepted at the full rate."""

DECREASE_FACTOR: Final = 0.85
"""Factor on the rate after a throttled post."""

MIN_SHARE: Final = 0.02
"""Lowest rate as a fraction of the quota, from which a process recovers when others end."""

JITTER: Final = 0.3
"""Relative variation of the time between two posts, so that processes do not stay in step."""


class RateLimiter:
    """Spaces the posts of all threads of one process.

    Args:
        quota: The account's quota in posts per second.
        clock: Returns monotonic seconds.
        sleep: Waits; takes seconds.
        chance: Returns random numbers from 0 to 1.
    """

    def __init__(
        self,
        quota: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._quota = quota
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._lock = threading.Lock()
        self._rate = quota * INITIAL_SHARE
        self._next, self._last_decrease = clock(), float("-inf")

    @property
    def rate(self) -> float:
        """Current rate in posts per second."""
        return self._rate

    def acquire(self) -> float:
        """Waits until the next post is due; returns its clock time, which `on_throttled` needs."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + (1 + JITTER * (2 * self._chance() - 1)) / self._rate
        if at > now:
            self._sleep(at - now)
        return at

    def on_accepted(self) -> None:
        """Raises the rate after an accepted post."""
        with self._lock:
            # There are `rate` posts per second, so a gain of 1/rate per post is constant over time.
            self._rate = min(self._quota * MAX_SHARE, self._rate + self._quota * INCREASE / self._rate)

    def on_throttled(self, at: float) -> None:
        """Lowers the rate after a throttled post.

        Args:
            at: The post's time from `acquire`. Of several posts that were in flight together, only the first counts.
        """
        with self._lock:
            if at > self._last_decrease:
                self._rate = max(self._quota * MIN_SHARE, self._rate * DECREASE_FACTOR)
                self._last_decrease = self._clock()
                # Waiting posts keep their time; later ones follow at the new rate.
                self._next = max(self._next, self._last_decrease + 1 / self._rate)
