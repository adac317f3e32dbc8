"""One attempt to deliver a batch: records that were handed to a broker, and their results."""

import threading
from collections.abc import Iterator
from functools import partial

from emitter.brokers.broker import Broker, send
from emitter.errors import DeliveryError, UnavailableError
from emitter.record import Record
from emitter.send_batch import SendBatch


class DeliveryAttempt:
    """Attempt to deliver a batch, with the result of each record so far.

    Args:
        batch: The records.
        changed: Notified when every record that was handed over has a result.
    """

    def __init__(self, batch: SendBatch, changed: threading.Condition) -> None:
        self.batch = batch
        self._changed = changed
        self._open = 0
        self._failed = False
        self._results: list[DeliveryError | None] = [UnavailableError("not sent yet") for _ in batch.records]

    def send(self, broker: Broker) -> None:
        """Hands records to a broker, up to one that the broker does not accept: later ones must not overtake it."""
        for place, record in enumerate(self.batch.records):
            if self._failed:
                return
            with self._changed:
                self._open += 1
            send(broker, record, partial(self._settle, place))

    @property
    def settled(self) -> bool:
        """True if every record that was handed over has a result."""
        return not self._open

    def results(self) -> Iterator[tuple[Record, DeliveryError | None]]:
        """Returns each record with its error, or None for a stored record."""
        return zip(self.batch.records, self._results, strict=True)

    def _settle(self, place: int, error: DeliveryError | None) -> None:
        with self._changed:
            self._results[place] = error
            self._failed |= error is not None
            self._open -= 1
            if self.settled:
                self._changed.notify_all()
