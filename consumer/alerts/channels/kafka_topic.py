"""A Kafka topic: alerts as CloudEvents in binary mode, keyed by dataset, acknowledged by all replicas."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.alerts.cloud_event import CloudEvent
from consumer.errors import RefusedWrite, TransientError, UsageError
from consumer.processing.ports import Outgoing, Producer, TooLargeError


class KafkaTopic:
    """Writes events to one topic.

    Args:
        producer: Writes records.
        topic: The topic's name.
    """

    most = 100

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Writes events and waits for the replicas."""
        try:
            self._producer.write(self._topic, [_outgoing(event) for event in events])
        except TooLargeError as error:
            raise RefusedWrite(str(error)) from error
        except UsageError as error:
            # Permissions and the topic's name: an operator can correct them while the alerts wait.
            raise TransientError(str(error)) from error

    def close(self) -> None:
        """Closes connections."""
        self._producer.close()


def _outgoing(event: CloudEvent) -> Outgoing:
    headers, body = event.binary()
    return event.subject.encode(), body, headers
