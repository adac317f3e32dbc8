"""What the sink tells of its work, and who listens: metrics and health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from consumer.telemetry.metrics import DATAZONE_EVENTS, DATAZONE_REDUCED, DATAZONE_REQUESTS, DATAZONE_SPACING, Metrics

Fate = Literal["posted", "known", "not_a_run", "no_lineage", "no_route"]
"""What became of an event; `known` was posted before, by this process. What is refused is a dead letter."""

Answer = Literal["ok", "throttled", "conflict", "unavailable", "refused"]
"""What came of one request."""


class Meter(Protocol):
    """Told of the sink's work, on any of its threads; must return at once and raise nothing."""

    def event(self, fate: Fate) -> None:
        """An event has met its fate."""

    def reduced(self) -> None:
        """An event was posted without all of its facets."""

    def request(self, answer: Answer, rate: float) -> None:
        """A post has ended.

        Args:
            answer: How.
            rate: Posts a second that the limiter allows now.
        """


class Unmetered:
    """Listens to nothing."""

    def event(self, fate: Fate) -> None:
        """Not noted."""

    def reduced(self) -> None:
        """Not noted."""

    def request(self, answer: Answer, rate: float) -> None:
        """Not noted."""


class PrometheusMeter:
    """Counts for Prometheus, and lets health know that DataZone answers.

    Args:
        metrics: What is told.
        reached: Told when DataZone has taken an event.
    """

    def __init__(self, metrics: Metrics, reached: Callable[[], None]) -> None:
        self._events = metrics[DATAZONE_EVENTS]
        self._reduced = metrics[DATAZONE_REDUCED]
        self._requests = metrics[DATAZONE_REQUESTS]
        self._spacing = metrics[DATAZONE_SPACING]
        self._reached = reached

    def event(self, fate: Fate) -> None:
        """An event has met its fate."""
        self._events.labels(fate).inc()

    def reduced(self) -> None:
        """An event was posted without all of its facets."""
        self._reduced.inc()

    def request(self, answer: Answer, rate: float) -> None:
        """A post has ended."""
        self._requests.labels(answer).inc()
        self._spacing.set(1 / rate)
        if answer == "ok":
            self._reached()
