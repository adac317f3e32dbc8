"""The limit of concurrent requests, lowered for a while when the server says that they are too many.

As congestion is met on networks: half as many after a refusal, then one more for each round that goes well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

_log = structlog.get_logger(__name__)


class ConcurrencyLimit:
    """Places for requests; used on one event loop.

    Args:
        most: How many requests there may be at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._allowed = float(most)
        self._taken = 0
        self._reductions = 0
        self._freed = asyncio.Condition()

    @property
    def allowed(self) -> int:
        """Current limit of concurrent requests."""
        return int(self._allowed)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[int]:
        """Takes a place within, when there is one; yields what `refused` has to be given."""
        async with self._freed:
            await self._freed.wait_for(lambda: self._taken < self.allowed)
            self._taken += 1
        try:
            yield self._reductions
        finally:
            self._taken -= 1
            async with self._freed:
                # All: the limit may have risen by more than the one place that is free now.
                self._freed.notify_all()

    def served(self) -> None:
        """Notes that a request was carried out."""
        # A round has as many requests as are allowed, so that each adds its part of one.
        self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)

    def refused(self, reductions: int) -> None:
        """Notes that the server has refused a request because of others; those of one moment count once.

        Args:
            reductions: What the request got with its place.
        """
        # Requests that were on their way together fail together; one burst must not take the limit down to one.
        if reductions != self._reductions or self._allowed <= 1:
            return
        self._reductions += 1
        self._allowed = max(1.0, self._allowed / 2)
        _log.info("fewer graph requests at once", allowed=self.allowed)
