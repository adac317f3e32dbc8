"""Refinement before sending: it runs in the background thread, so that `emit` does not wait for it."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emitter.brokers.broker import Broker, DeliveryCallback
from emitter.record import Record
from emitter.shrink import MARKER

Refine = Callable[[dict[str, Any]], dict[str, Any]]

_REDUCED = MARKER.encode()


def project_refiner() -> Refine | None:
    """Returns a function that refines the events of this process's dbt; None if refinement is off. It never raises."""
    from emitter.refine import make_refiner  # noqa: PLC0415 # in the background thread, not in dbt's

    return make_refiner(os.environ, Path.cwd(), sys.argv[1:])


class RefiningBroker:
    """A broker whose events are refined before they go to it.

    Args:
        broker: The broker to send to.
        refine: Returns a refined event, and never raises; events of earlier processes pass it unchanged.
    """

    def __init__(self, broker: Broker, refine: Refine) -> None:
        self._broker = broker
        self._refine = refine

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Accepts a record, and sends it refined."""
        self._broker.send(refined(record, self._refine), on_delivery)

    def close(self) -> None:
        """Closes the broker."""
        self._broker.close()


def refined(record: Record, refine: Refine) -> Record:
    """Returns the record with its event refined; the same object if refinement changes nothing.

    An event that was reduced because of its size is not enlarged again.
    """
    if _REDUCED in record.value:
        return record
    try:
        event = json.loads(record.value)
    except ValueError:
        return record
    better = refine(event) if isinstance(event, dict) else event
    if better == event:
        return record
    return replace(record, value=json.dumps(better, sort_keys=True).encode())
