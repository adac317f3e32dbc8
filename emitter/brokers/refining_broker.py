"""Refinement before sending: it runs in the background thread, so that `emit` does not wait for it.

A node with hooks has further events, so that one record may become several.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emitter.brokers.broker import Broker, DeliveryCallback, send
from emitter.errors import DeliveryError
from emitter.record import Record
from emitter.reduction import MARKER

Refine = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""Returns the refined event, and behind it the events of its hooks."""

_REDUCED = MARKER.encode()


def project_refiner() -> Refine | None:
    """Returns a function that refines the events of this process's dbt; None if refinement is off. It never raises."""
    from emitter.refine import make_refiner  # noqa: PLC0415 # in the background thread, not in dbt's

    made = make_refiner(os.environ, Path.cwd(), sys.argv[1:])
    return made.events if made is not None else None


class RefiningBroker:
    """A broker whose events are refined before they go to it.

    Args:
        broker: The broker to send to.
        refine: Never raises; events of earlier processes pass it unchanged.
    """

    def __init__(self, broker: Broker, refine: Refine) -> None:
        self._broker = broker
        self._refine = refine

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Accepts a record, and sends it refined; `on_delivery` is called when all that it became is stored."""
        first, *others = refined(record, self._refine)
        if not others:
            self._broker.send(first, on_delivery)
            return
        joined = _JoinedDelivery(1 + len(others), on_delivery)
        for each in (first, *others):
            send(self._broker, each, joined)

    def close(self) -> None:
        """Closes the broker."""
        self._broker.close()


class _JoinedDelivery:
    """Reports several deliveries as one: with the first error, once the last of them is settled.

    Args:
        count: The number of deliveries.
        on_delivery: Called once.
    """

    def __init__(self, count: int, on_delivery: DeliveryCallback) -> None:
        self._left, self._on_delivery = count, on_delivery
        self._error: DeliveryError | None = None
        self._lock = threading.Lock()

    def __call__(self, error: DeliveryError | None) -> None:
        with self._lock:
            self._error = self._error or error
            self._left -= 1
            is_last = self._left == 0
        if is_last:
            self._on_delivery(self._error)


def refined(record: Record, refine: Refine) -> list[Record]:
    """Returns the record with its event refined, the same object if refinement changes nothing, and those of hooks.

    All have the record's key, so that they keep their order. An event that was reduced because of its size is not
    enlarged again.
    """
    if _REDUCED in record.value:
        return [record]
    try:
        event = json.loads(record.value)
    except ValueError:
        return [record]
    if not isinstance(event, dict):
        return [record]
    better, *hooks = refine(event)
    first = record if better == event else _with(record, better)
    return [first, *(_with(record, each) for each in hooks)]


def _with(record: Record, event: dict[str, Any]) -> Record:
    return replace(record, value=json.dumps(event, sort_keys=True).encode())
