"""Receivers of events that came over HTTP: the topic, or the graph itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from consumer.api.problems import without_paths
from consumer.errors import HeadwaterError, UnusableGraph
from consumer.processing.ports import Outgoing, Producer
from consumer.processing.record import Headers
from consumer.processing.sink import Sink
from schemas.decode import decode
from schemas.errors import RejectedEvent
from schemas.events import Event


class Received(NamedTuple):
    """An event that was received and is valid.

    Attributes:
        data: Its JSON, byte for byte as it was sent.
        event: The event.
        key: The message key: `{namespace}/{name}` of the job at the root of its run.
        headers: Headers of its record: when, from whom.
    """

    data: bytes
    event: Event
    key: bytes
    headers: Headers


class Receiver(Protocol):
    """Makes events durable."""

    def write(self, events: Sequence[Received]) -> None:
        """Makes events durable before it returns.

        Raises:
            TransientError: It can't now; send all of them again.
            HeadwaterError: Some of them are refused for good.
        """
        ...

    def close(self) -> None:
        """Gives back connections."""
        ...


class TopicReceiver:
    """Writes events to the topic; they are acknowledged by all in-sync replicas before `write` returns."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def write(self, events: Sequence[Received]) -> None:
        """Sends records in the order of the events."""
        records: list[Outgoing] = [(one.key, one.data, one.headers) for one in events]
        self._producer.write(self._topic, records)

    def close(self) -> None:
        """Gives back the producer's connections."""
        self._producer.close()


class GraphReceiver:
    """Folds events into the graph; opened at the first write, on the thread that writes."""

    def __init__(self, open_sink: Callable[[], Sink]) -> None:
        self._open_sink = open_sink
        self._sink: Sink | None = None

    def write(self, events: Sequence[Received]) -> None:
        """Folds events.

        Raises:
            TransientError: The graph can't serve now, or can't be used; the next write opens it again.
        """
        try:
            if self._sink is None:
                self._sink = self._open_sink()
            self._sink.write([one.event for one in events])
        except HeadwaterError as error:
            if isinstance(error, UnusableGraph):
                self.close()
            raise without_paths(error) from None

    def close(self) -> None:
        """Closes the graph."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None


def received(data: bytes, key: bytes, headers: Headers) -> Received:
    """Validates an event.

    Raises:
        RejectedEvent: It is not a valid OpenLineage event.
    """
    return Received(data, decode(data), key, headers)


def rejection(error: RejectedEvent) -> dict[str, str]:
    """Returns the fault of an event as the API reports it."""
    return {"path": error.path, "reason": error.reason}
