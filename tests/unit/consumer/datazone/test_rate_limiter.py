"""The limiter, simulated: any number of processes at one bucket, on a clock of the test's own."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

import pytest

from consumer.datazone.rate_limiter import DECREASE_FACTOR, RateLimiter

QUOTA = 20.0
FLIGHT_S = 0.1


class Account:
    """The service's side: as many tokens a second as the quota, and one second's worth of them saved up."""

    def __init__(self) -> None:
        self.tokens, self.filled = QUOTA, 0.0
        self.on_throttled = 0

    def takes(self, now: float) -> bool:
        """Whether a post is let through."""
        self.tokens = min(QUOTA, self.tokens + (now - self.filled) * QUOTA)
        self.filled = now
        if self.tokens < 1:
            self.on_throttled += 1
            return False
        self.tokens -= 1
        return True


class Simulation:
    """Processes that post all the time, from moments on that may differ.

    Attributes:
        on_accepted: The moments of each process's posts that were taken.
    """

    def __init__(self, starts: list[float], seconds: float, seed: int = 1) -> None:
        self.account, self.now, chance = Account(), 0.0, random.Random(seed)
        self.on_accepted: list[list[float]] = [[] for _ in starts]
        self.limiters = [RateLimiter(QUOTA, lambda: self.now, self._sleep, chance.random) for _ in starts]
        self._slept = 0.0
        order, queue = count(), list[tuple[float, int, Callable[[], None]]]()
        for number, start in enumerate(starts):
            heapq.heappush(queue, (start, next(order), self._ask(number, queue, order)))
        while queue[0][0] < seconds:
            self.now, _, step = heapq.heappop(queue)
            step()

    def _sleep(self, seconds: float) -> None:
        self._slept = seconds

    def _ask(
        self, number: int, queue: list[tuple[float, int, Callable[[], None]]], order: count[int]
    ) -> Callable[[], None]:
        def step() -> None:
            self._slept = 0.0
            at = self.limiters[number].acquire()
            sent = self.now + self._slept
            heapq.heappush(queue, (sent + FLIGHT_S, next(order), answer(at, sent)))
            heapq.heappush(queue, (sent, next(order), step))

        def answer(at: float, sent: float) -> Callable[[], None]:
            def ended() -> None:
                if self.account.takes(self.now):
                    self.on_accepted[number].append(sent)
                    self.limiters[number].on_accepted()
                else:
                    self.limiters[number].on_throttled(at)

            return ended

        return step

    def counts(self, since: float) -> list[int]:
        """How many posts of each process were taken from a moment on."""
        return [sum(moment >= since for moment in moments) for moments in self.on_accepted]


def test_alone_it_comes_to_the_quota_and_is_never_throttled() -> None:
    """One process takes nearly all that there is."""
    simulation = Simulation([0.0], 60)
    assert simulation.account.on_throttled == 0
    assert simulation.counts(30)[0] / 30 >= 0.9 * QUOTA


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("starts", [[0.0, 0.0, 0.0], [0.0, 20.0, 40.0], [0.0] * 6])
def test_several_come_to_equal_shares(starts: list[float], seed: int) -> None:
    """Nobody has twice as much as another, also those who came later; together they use the quota."""
    simulation = Simulation(starts, 240, seed)
    counts = simulation.counts(120)
    assert max(counts) <= 2 * min(counts), f"shares of {counts}"
    assert sum(counts) / 120 >= 0.8 * QUOTA, f"{sum(counts) / 120:.1f} posts a second of {QUOTA}"
    assert simulation.account.on_throttled < sum(simulation.counts(0)), "most posts are not in vain"


def test_what_others_leave_is_taken() -> None:
    """After long throttling it finds back to the quota within a minute."""
    now = [0.0]
    limiter = RateLimiter(QUOTA, lambda: now[0], lambda s: now.__setitem__(0, now[0] + s), random.Random(1).random)
    for _ in range(100):
        limiter.on_throttled(limiter.acquire())
    slow, began = limiter.rate, now[0]
    while limiter.rate < 0.9 * QUOTA:
        limiter.acquire()
        limiter.on_accepted()
    assert slow < 1
    assert now[0] - began < 60


def test_one_refusal_of_many_on_their_way_counts() -> None:
    """Eight posts that are throttled together ease the rate once, or it would break down."""
    now = [0.0]
    limiter = RateLimiter(QUOTA, lambda: now[0], lambda s: now.__setitem__(0, now[0] + s), lambda: 0.5)
    moments = [limiter.acquire() for _ in range(8)]
    before = limiter.rate
    for moment in moments:
        limiter.on_throttled(moment)
    assert limiter.rate == pytest.approx(before * DECREASE_FACTOR)
