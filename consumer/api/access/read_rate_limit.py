"""The rate limit of reads, for each client."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import Request

from consumer.api.access.scopes import Access, Scope, audit
from consumer.api.problems import Problem

BURST_S = 10.0
"""Seconds whose reads may come at once."""

MOST_READERS = 10_000
"""Readers whose budget is remembered."""


class _Budget(NamedTuple):
    left: float
    at: float


class LimitedReads:
    """Lets each reader read so many times a second on average; ingest has no limit of this kind.

    Args:
        access: Decides about requests.
        per_s: Reads a second.
        clock: Seconds; monotonic.
    """

    def __init__(self, access: Access, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._per_s = per_s
        self._most = max(1.0, per_s * BURST_S)
        self._clock = clock
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()

    async def check(self, request: Request, scope: Scope) -> str:
        """Returns who sent the request, unless there were too many before it.

        Raises:
            Problem: 429 with Retry-After.
        """
        principal = await self._access.check(request, scope)
        if scope is Scope.READ:
            self._take(request, principal)
        return principal

    def _take(self, request: Request, principal: str) -> None:
        now = self._clock()
        budget = self._budgets.pop(principal, _Budget(self._most, now))
        left = min(self._most, budget.left + (now - budget.at) * self._per_s)
        self._budgets[principal] = _Budget(left - 1 if left >= 1 else left, now)
        if len(self._budgets) > MOST_READERS:
            self._budgets.popitem(last=False)
        if left < 1:
            audit(request, principal, 429, "too many reads")
            wait = math.ceil((1 - left) / self._per_s)
            raise Problem(429, f"more than {self._per_s:g} reads a second", headers={"Retry-After": str(wait)})
