"""The port of brokers: Kafka, a log on disk, a list in tests."""

from collections.abc import Callable
from typing import Protocol

from emitter.errors import DeliveryError
from emitter.record import Record

DeliveryCallback = Callable[[DeliveryError | None], None]


class Broker(Protocol):
    """A destination of records: Kafka, a log on disk, a list in tests."""

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Accepts a record, and later calls `on_delivery` once, from any thread: with None once the record is stored.

        Args:
            record: The record.
            on_delivery: Called with the error if the record is not stored.

        Raises:
            DeliveryError: The record was not accepted; `on_delivery` is not called then.
        """

    def close(self) -> None:
        """Closes connections and threads without waiting; records that are not stored yet are reported with an error.

        Closing again does nothing.
        """


def send(broker: Broker, record: Record, on_delivery: DeliveryCallback) -> None:
    """Sends a record; an error that the broker raises is reported to `on_delivery` too."""
    try:
        broker.send(record, on_delivery)
    except DeliveryError as error:
        on_delivery(error)
