"""The flight: some records on their way to a broker, and the port that brokers are behind."""

import threading
from collections.abc import Iterator
from functools import partial

from emitter.brokers.broker import Broker, send
from emitter.errors import DeliveryError, UnavailableError
from emitter.record import Record
from emitter.send_batch import Window


class Flight:
    """A window on its way: what became of each of its records so far."""

    def __init__(self, window: Window, changed: threading.Condition) -> None:
        self.window = window
        self._changed = changed
        self._open = 0
        self._failed = False
        self._fates: list[DeliveryError | None] = [UnavailableError("not sent yet") for _ in window.records]

    def send(self, broker: Broker) -> None:
        """Hands the window to a broker, up to a record that it doesn't take: what follows must not overtake that."""
        for place, record in enumerate(self.window.records):
            if self._failed:
                return
            with self._changed:
                self._open += 1
            send(broker, record, partial(self._settle, place))

    @property
    def landed(self) -> bool:
        """Whether all that was handed over is settled."""
        return not self._open

    def fates(self) -> Iterator[tuple[Record, DeliveryError | None]]:
        """Each record with its error, or None if it is stored."""
        return zip(self.window.records, self._fates, strict=True)

    def _settle(self, place: int, error: DeliveryError | None) -> None:
        with self._changed:
            self._fates[place] = error
            self._failed |= error is not None
            self._open -= 1
            self._changed.notify_all()
