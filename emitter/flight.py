"""The flight: some records on their way to a broker, and the port that brokers are behind."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol

from emitter.errors import DeliveryError, UnavailableError
from emitter.record import Record
from emitter.window import Window

Settle = Callable[[DeliveryError | None], None]


class Broker(Protocol):
    """Where records go: Kafka, a log on disk, a test's list."""

    def send(self, record: Record, settle: Settle) -> None:
        """Takes a record, and later calls `settle` once, from any thread: None when it is safely stored, else why not.

        Raises:
            DeliveryError: if the record was not taken; `settle` is not called then.
        """

    def close(self) -> None:
        """Lets go of connections and threads without waiting; what is not stored yet is settled with an error.

        Closing again does nothing.
        """


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


def send(broker: Broker, record: Record, settle: Settle) -> None:
    """Sends a record and settles it in any case."""
    try:
        broker.send(record, settle)
    except DeliveryError as error:
        settle(error)
