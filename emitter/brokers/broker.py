"""The port that brokers are behind: Kafka, a log on disk, a test's list."""

from collections.abc import Callable
from typing import Protocol

from emitter.errors import DeliveryError
from emitter.record import Record

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


def send(broker: Broker, record: Record, settle: Settle) -> None:
    """Sends a record and settles it in any case."""
    try:
        broker.send(record, settle)
    except DeliveryError as error:
        settle(error)
