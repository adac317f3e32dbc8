"""Liveness and readiness of the service for an orchestrator, with reasons.

Alive: the processor makes progress; otherwise only a restart helps. Ready: the service processes records, or would if
there were any. Responses contain no text of errors, which may have names of hosts; the log has them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from consumer.config.settings import HttpSettings

MAIN_THREAD_STEPS: Final = frozenset({"joining", "polling", "committing"})
"""Steps whose failures prove that the processor makes progress; the others run on the writing thread."""

READING_STEPS: Final = frozenset({"joining", "polling"})
"""Steps that have succeeded once a poll returned."""


class HealthStatus(NamedTuple):
    """Result of a health check.

    Attributes:
        ok: True if the check passes.
        reasons: Reasons why it does not pass.
    """

    ok: bool
    reasons: tuple[str, ...]


class Health:
    """State of the service, reported by its parts on any thread.

    Args:
        limits: Seconds of silence and of failures at which the checks fail.
        stop: Set once the service is to stop.
        clock: Seconds; monotonic.
    """

    def __init__(self, limits: HttpSettings, stop: threading.Event, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._stop = stop
        self._clock = clock
        self._seconds_since_progress: Callable[[], float] = lambda: float("inf")
        self._moved = clock()
        self._failing: dict[str, float] = {}
        self._member = False
        self._reached = False

    def follow(self, seconds_since_progress: Callable[[], float]) -> None:
        """Sets the source of the seconds since the processor last made progress."""
        self._seconds_since_progress = seconds_since_progress

    def read(self, *, member: bool) -> None:
        """Records a successful poll; `member` is true once the group counts the service in."""
        self._member = member
        self._recover(READING_STEPS)

    def reached(self) -> None:
        """Records a response of the sink."""
        self._reached = True

    def committed(self) -> None:
        """Records a batch that is in the sink and committed."""
        self._reached = True
        self._recover(self._failing.keys() - READING_STEPS)

    def failed(self, step: str) -> None:
        """Records a failed attempt of a step, which will be retried."""
        self._failing.setdefault(step, self._clock())
        if step in MAIN_THREAD_STEPS:
            self._moved = self._clock()

    def alive(self) -> HealthStatus:
        """Returns whether the processor makes progress."""
        still = min(self._seconds_since_progress(), self._clock() - self._moved)
        if still < self._limits.stalled_after_s:
            return HealthStatus(ok=True, reasons=())
        return HealthStatus(ok=False, reasons=(f"no progress for {still:.0f} s; restart the service",))

    def ready(self) -> HealthStatus:
        """Returns whether the service processes records."""
        reasons = [*self._beginning(), *self._failures(), *self.alive().reasons]
        if self._stop.is_set():
            reasons.append("the service is stopping")
        return HealthStatus(not reasons, tuple(reasons))

    def _beginning(self) -> list[str]:
        missing = (
            (self._member, "not yet a member of the consumer group"),
            (self._reached, "the sink has not responded yet"),
        )
        return [reason for present, reason in missing if not present]

    def _failures(self) -> list[str]:
        since = {step: self._clock() - began for step, began in list(self._failing.items())}
        return [
            f"{step} has failed for {seconds:.0f} s; see the log for the error"
            for step, seconds in since.items()
            if seconds >= self._limits.unready_after_s
        ]

    def _recover(self, steps: frozenset[str] | set[str]) -> None:
        for step in steps:
            self._failing.pop(step, None)
