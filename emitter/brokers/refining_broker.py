"""Refinement on the way out: in the background thread, so that neither `emit` nor what waits on disk pays for it."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from emitter.brokers.broker import Broker, Settle
from emitter.record import Record
from emitter.shrink import MARKER

Refine = Callable[[dict[str, Any]], dict[str, Any]]

_REDUCED = MARKER.encode()


def project_refiner() -> Refine | None:
    """What refines the events of the dbt that this process runs; None where that is switched off. It never raises."""
    from emitter.refine import make_refiner  # noqa: PLC0415 # in the background thread, not in dbt's

    return make_refiner(os.environ, Path.cwd(), sys.argv[1:])


class RefiningBroker:
    """A broker whose events are refined before they go to it.

    Args:
        broker: where they go.
        refine: makes an event more precise, and never raises; called with events of this process and with what earlier
            ones left, which it lets pass as they are.
    """

    def __init__(self, broker: Broker, refine: Refine) -> None:
        self._broker = broker
        self._refine = refine

    def send(self, record: Record, settle: Settle) -> None:
        """Takes a record, refined where that changes it."""
        self._broker.send(refined(record, self._refine), settle)

    def close(self) -> None:
        """Closes the broker behind it."""
        self._broker.close()


def refined(record: Record, refine: Refine) -> Record:
    """The record with its event refined; the very same where there is nothing to refine.

    An event that was reduced for its size is not made larger again.
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
