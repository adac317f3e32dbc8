"""The alert service: evaluates what has changed and delivers what is stored, turn by turn, until it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import structlog

from consumer.alerts.channels.open_channel import open_channel
from consumer.alerts.declarations import Declarations
from consumer.alerts.delivery import Delivery, Terms
from consumer.alerts.evaluation import Evaluation, Parts
from consumer.alerts.journal import Journal
from consumer.alerts.meter import AlertMeter
from consumer.alerts.settling import Settling
from consumer.config.settings import AlertSettings, KafkaSettings
from consumer.errors import TransientError
from consumer.graph.store import GraphStore
from consumer.maintenance.leased_task import JobLease
from consumer.maintenance.scheduler import lease_owner

LEASE = "alerts"
"""Name of the evaluation's lease; those of channels begin with it."""

_log = structlog.get_logger(__name__)


class AlertService:
    """Evaluates and delivers on one graph; used by one thread.

    Args:
        store: The graph; closed with the service.
        evaluation: Judges changes.
        deliveries: One for each channel.
        meter: Counts how far channels are behind.
    """

    def __init__(
        self, store: GraphStore, evaluation: Evaluation, deliveries: Sequence[Delivery], meter: AlertMeter
    ) -> None:
        self._store = store
        self._evaluation = evaluation
        self._deliveries = deliveries
        self._meter = meter
        self._has_begun = False

    def turn(self) -> bool:
        """Evaluates, and delivers what is due; returns True if there may be more to do at once.

        Raises:
            TransientError: The graph can't serve now.
        """
        if not self._has_begun:
            # Before the first evaluation, so that a new channel gets all that it finds.
            last = self._evaluation.last()
            for delivery in self._deliveries:
                delivery.begin(last)
            self._has_begun = True
        self._evaluation.turn()
        moved = [delivery.turn() for delivery in self._deliveries]
        for delivery in self._deliveries:
            self._meter.behind(delivery.name, delivery.behind_s())
        return any(moved)

    def close(self) -> None:
        """Leaves everything to other processes; nothing is in flight between two turns."""
        with suppress(TransientError):
            self._evaluation.close()
        for delivery in self._deliveries:
            delivery.close()
        self._store.close()


def build(
    store: GraphStore,
    declared: Declarations,
    settings: AlertSettings,
    kafka: KafkaSettings,
    meter: AlertMeter,
    clock: Callable[[], float] = time.time,
) -> AlertService:
    """Builds the service.

    Args:
        store: The graph, for the service alone.
        declared: Rules, channels and mutes.
        settings: How alerts are evaluated and delivered.
        kafka: The cluster of channels of type `kafka`.
        meter: Counts what happens.
        clock: Seconds since 1970.

    Raises:
        UsageError: A channel's declaration can't be used.
    """
    owner, journal = lease_owner(), Journal(store)

    def lease(name: str) -> JobLease:
        return JobLease(store, name, owner, clock, settings.lease_s)

    terms = Terms(settings.source, declared.mutes, settings.give_up_after_s, clock)
    deliveries = [
        Delivery(one, open_channel(one, kafka, clock), journal, lease(f"{LEASE} {one.name}"), terms, meter)
        for one in declared.channels
    ]
    settling = Settling(settings.settle_s, settings.evaluate_every_s, time.monotonic)
    parts = Parts(
        *(store, declared.rules, lease(LEASE), settings.page_url or "", settling, clock, meter),
        keep_s=settings.keep_days * 86_400,
    )
    return AlertService(store, Evaluation(parts), deliveries, meter)


class Watcher(Protocol):
    """Follows the turns of a loop."""

    def turned(self) -> None:
        """Notes a turn that has ended well."""

    def failed(self, error: Exception) -> None:
        """Notes a turn that failed and is made again."""


class AlertLoop:
    """Turns of a service until it is stopped; a service that failed is built again.

    Args:
        opens: Builds a service.
        pause_s: Seconds between two turns while there is nothing to do.
        stop: Set once the loop is to end.
        watcher: Follows the turns; None for none.
    """

    def __init__(
        self, opens: Callable[[], AlertService], pause_s: float, stop: threading.Event, watcher: Watcher | None = None
    ) -> None:
        self._opens = opens
        self._pause_s = pause_s
        self._stop = stop
        self._watcher = watcher
        self._service: AlertService | None = None

    def run(self) -> None:
        """Runs until the loop is stopped."""
        try:
            while not self._stop.is_set():
                if not self._turn():
                    self._stop.wait(self._pause_s)
        finally:
            self._discard()

    def _turn(self) -> bool:
        try:
            self._service = self._service or self._opens()
            more = self._service.turn()
        except TransientError as error:
            _log.warning("alerting failed, retrying", reason=str(error))
            self._failed(error)
            return False
        except Exception as error:  # noqa: BLE001 -- what is stored stays, and is judged again
            _log.exception("alerting failed, retrying")
            self._failed(error)
            return False
        if self._watcher is not None:
            self._watcher.turned()
        return more

    def _failed(self, error: Exception) -> None:
        self._discard()
        if self._watcher is not None:
            self._watcher.failed(error)

    def _discard(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            with suppress(TransientError):
                service.close()


class AlertThread:
    """A loop on a thread of its own; a context manager that joins the thread at its end.

    Args:
        opens: Builds a service.
        pause_s: Seconds between two turns while there is nothing to do.
    """

    def __init__(self, opens: Callable[[], AlertService], pause_s: float) -> None:
        self._stop = threading.Event()
        self._loop = AlertLoop(opens, pause_s, self._stop)
        self._thread = threading.Thread(target=self._loop.run, name="alerts", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
