"""When lineage has come to rest: no new change for a while, so that a cause and its symptoms are judged together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

LONGEST: Final = 10
"""Periods of rest after which is judged even if changes go on."""


class Settling:
    """Watches the pending changes.

    Args:
        rest_s: Seconds without a new change that count as rest.
        idle_s: Seconds after which jobs are looked at though nothing is pending.
        clock: Seconds; monotonic.
    """

    def __init__(self, rest_s: float, idle_s: float, clock: Callable[[], float]) -> None:
        self._rest_s = rest_s
        self._idle_s = idle_s
        self._clock = clock
        self._judged: float | None = None
        self._seen: frozenset[str] = frozenset()
        self._changed = clock()
        self._began = clock()

    def is_at_rest(self, pending: Sequence[str]) -> bool:
        """True if what is pending can be judged, or jobs should be looked at again.

        Args:
            pending: The cursors of the pending records.
        """
        now, there = self._clock(), frozenset(pending)
        if not there:
            self._seen, self._began, self._changed = there, now, now
            return self._judged is None or now - self._judged >= self._idle_s
        if not self._seen:
            self._began = now
        if there != self._seen:
            self._seen, self._changed = there, now
        return now - self._changed >= self._rest_s or now - self._began >= LONGEST * self._rest_s

    def judged(self) -> None:
        """Notes that an evaluation has ended."""
        self._judged = self._clock()

    def waited_s(self) -> float:
        """Seconds since the first of the pending changes was seen."""
        return self._clock() - self._began if self._seen else 0.0
