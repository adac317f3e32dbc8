"""How fast to post: as fast as the account's quota allows, with others who post at the same time unknown.

The quota is of the account and Region, and DataZone tells nobody what is left of it. So each process adds to its rate
while posts are taken, and takes a part of it off when one is throttled (additive increase, multiplicative decrease, as
TCP does). Who has more is throttled more often and takes more off, so that all come to have the same.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

HEADROOM: Final = 0.95
"""The part of the quota that one process alone uses, so that it is not throttled at all."""

SHARE: Final = 0.25
"""The part of the quota that a process begins with."""

GAIN: Final = 0.05
"""The part of the quota that is added in each second in which posts are taken at the full rate."""

EASE: Final = 0.85
"""What is left of the rate after a throttled post."""

LEAST: Final = 0.02
"""The least rate, as a part of the quota; from there a process finds back when others end."""

JITTER: Final = 0.3
"""By which part the time between two posts varies, lest processes keep step and one of them meets all refusals."""


class Limiter:
    """Spaces the posts of one process; for all of its threads.

    Args:
        quota: Posts a second that the account may make.
        clock: Seconds; monotonic.
        sleep: Waits for so many seconds.
        chance: Numbers from 0 to 1.
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
        self._rate = quota * SHARE
        self._next, self._eased = clock(), float("-inf")

    @property
    def rate(self) -> float:
        """Posts a second at this moment."""
        return self._rate

    def acquire(self) -> float:
        """Waits until it is time for one post; returns that moment, for `taken` or `throttled`."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            self._next = at + (1 + JITTER * (2 * self._chance() - 1)) / self._rate
        if at > now:
            self._sleep(at - now)
        return at

    def taken(self) -> None:
        """A post was not throttled."""
        with self._lock:
            # As many posts a second as the rate is, so the gain is one of time.
            self._rate = min(self._quota * HEADROOM, self._rate + self._quota * GAIN / self._rate)

    def throttled(self, at: float) -> None:
        """A post was throttled.

        Args:
            at: What `acquire` returned for it. Of several that were on their way together, one counts.
        """
        with self._lock:
            if at > self._eased:
                self._rate = max(self._quota * LEAST, self._rate * EASE)
                self._eased = self._clock()
                # What waits has its turn already; those that follow come at the new rate.
                self._next = max(self._next, self._eased + 1 / self._rate)
