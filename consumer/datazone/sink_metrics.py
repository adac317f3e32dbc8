"""Metrics and health of the DataZone sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from consumer.telemetry.metrics import DATAZONE_EVENTS, DATAZONE_REDUCED, DATAZONE_REQUESTS, DATAZONE_SPACING, Metrics

EventOutcome = Literal["posted", "known", "not_a_run", "no_lineage", "no_route"]
"""Outcome of an event; `known` was posted earlier by this process. Rejected events become dead letters instead."""

RequestOutcome = Literal["ok", "throttled", "conflict", "unavailable", "refused"]
"""Outcome of one request."""


class Meter(Protocol):
    """An observer of the sink, called on any of its threads; must return at once and raise nothing."""

    def event(self, outcome: EventOutcome) -> None:
        """Counts an event by its outcome."""

    def reduced(self) -> None:
        """Counts an event that was posted without some of its facets."""

    def request(self, answer: RequestOutcome, rate: float) -> None:
        """Counts a request by its outcome.

        Args:
            answer: Outcome of the request.
            rate: Current rate of the limiter in posts per second.
        """


class NullMeter:
    """An observer that ignores everything."""

    def event(self, outcome: EventOutcome) -> None:
        """Does nothing."""

    def reduced(self) -> None:
        """Does nothing."""

    def request(self, answer: RequestOutcome, rate: float) -> None:
        """Does nothing."""


class PrometheusMeter:
    """An observer that updates Prometheus metrics and the health status.

    Args:
        metrics: The catalogue of metrics.
        reached: Called when DataZone has accepted an event.
    """

    def __init__(self, metrics: Metrics, reached: Callable[[], None]) -> None:
        self._events = metrics[DATAZONE_EVENTS]
        self._reduced = metrics[DATAZONE_REDUCED]
        self._requests = metrics[DATAZONE_REQUESTS]
        self._spacing = metrics[DATAZONE_SPACING]
        self._reached = reached

    def event(self, outcome: EventOutcome) -> None:
        """Counts an event by its outcome."""
        self._events.labels(outcome).inc()

    def reduced(self) -> None:
        """Counts an event that was posted without some of its facets."""
        self._reduced.inc()

    def request(self, answer: RequestOutcome, rate: float) -> None:
        """Counts a request by its outcome, and exports the limiter's current spacing."""
        self._requests.labels(answer).inc()
        self._spacing.set(1 / rate)
        if answer == "ok":
            self._reached()
