"""Sends events by the transport that OpenLineage is configured with, and reports their outcome in the last line."""

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from openlineage.client import OpenLineageClient
from openlineage.client.transport.transport import Config, Transport

from emitter.config.openlineage_config import make_client
from emitter.dbt.node_names import missing, node_of
from emitter.errors import ConfigError
from emitter.message_key import message_key
from emitter.runner.client.client_additions import ClientAdditions
from emitter.runner.client.client_events import Event, client_event
from emitter.runner.client.destinations import find_destinations
from emitter.transport import KafkaTransport

log = logging.getLogger("emitter.runner")

CLOSE_TIMEOUT = 10.0
"""Seconds that a transport without a `close_timeout` of its own may take to send what waits."""


# Seconds between two updates of the summary while a transport sends waiting events.
_SLICE = 0.5


class EventSink(Protocol):
    """A destination of events."""

    close_timeout: float
    """Seconds that `close` may take."""

    def emit(self, event: Event) -> None:
        """Sends an event; never raises."""

    def summary(self) -> str:
        """Returns the last line as of now; empty if there were no events."""

    def close(self, note: Callable[[str], None], spent: float = 0.0) -> None:
        """Waits until waiting events are sent, and logs the last line.

        Args:
            note: Called with each new summary meanwhile.
            spent: The seconds of `close_timeout` that have passed.
        """


def open_client() -> EventSink:
    """Makes the emission of OpenLineage's configuration; with one that can't be used, one that counts what is lost."""
    try:
        return EventClient(make_client())
    except ConfigError as error:
        return UnusableClient(str(error))


class EventClient:
    """An OpenLineage client that never raises.

    Args:
        client: The client.
    """

    def __init__(self, client: OpenLineageClient) -> None:
        self._client = client
        self._transport = client.transport
        client.transport = self._gate = _Gate(self._transport)
        self.close_timeout = float(getattr(self._transport, "close_timeout", CLOSE_TIMEOUT))
        self._destinations = find_destinations(self._transport)
        self._additions = _additions(client, self._transport)
        self._sent = self._filtered = 0
        self._bare = False
        self._failed: list[str] = []
        self._first: str | None = None

    def emit(self, event: Event) -> None:
        """Sends an event; an error of the transport is counted and reported at the end, with the node's name."""
        try:
            sent = self._emitted_as_text(event) or self._emitted(event)
            self._sent += sent
            self._filtered += not sent
        except Exception as error:  # noqa: BLE001 # any transport may be configured; other events must be sent
            self._failed.append(node_of(event))
            self._first = self._first or f"{type(error).__name__}: {error}"

    def summary(self) -> str:
        """Returns the current summary."""
        own = [transport.summary() for transport in self._destinations.own if transport.has_events]
        return "; ".join([*own, *self._counts()])

    def close(self, note: Callable[[str], None], spent: float = 0.0) -> None:
        """Waits until the transport has sent waiting events, at most `close_timeout` less the seconds already spent."""
        deadline = time.monotonic() + max(self.close_timeout - spent, 0.1)
        for transport in self._destinations.own:
            while not transport.is_idle and (left := deadline - time.monotonic()) > 0:
                transport.wait_for_completion(min(left, _SLICE))
                note(self.summary())
        try:
            is_closed = self._client.close(timeout=max(deadline - time.monotonic(), 0.1))
            if is_closed is False and not self._destinations.own:
                log.warning("the OpenLineage transport had not sent all events after %s s", self.close_timeout)
        except Exception as error:  # noqa: BLE001 # as above
            log.warning("the OpenLineage transport did not close: %s: %s", type(error).__name__, error)
        for line in self._counts():
            log.log(logging.WARNING if self._failed else logging.INFO, "%s", line)

    def _counts(self) -> list[str]:
        """Returns the counts of events that a transport of this package does not count itself."""
        dropped = f", {self._filtered} dropped by `filters` of the configuration" if self._filtered else ""
        where = f"; destination: {self._destinations.others}" if self._destinations.others else ""
        if self._failed:
            total = len(self._failed) + self._sent
            why = "; ".join(filter(None, (self._first, missing(self._failed))))
            return [f"{len(self._failed)} of {total} OpenLineage events were not sent{dropped}: {why}{where}"]
        if self._destinations.others and (self._sent or self._filtered):
            return [f"OpenLineage events: {self._sent} sent{dropped}{where}"]
        return [f"OpenLineage events{dropped.replace(',', ':', 1)}"] if self._filtered else []

    def _emitted_as_text(self, event: Event) -> bool:
        """Sends an event without the client, if the client would change it like others before; returns False if not."""
        if self._additions is None or not isinstance(self._transport, KafkaTransport):
            return False
        if (text := self._additions.text(event)) is None:
            return False
        self._transport.emit_json(message_key(event), text)
        return True

    def _emitted(self, event: Event) -> bool:
        """Sends an event; returns False if the configuration's `filters` dropped it.

        Raises:
            Exception: The transport's.
        """
        made = client_event(event)
        self._gate.reached, self._gate.sent = False, None
        try:
            self._client.emit(made)
        except Exception as error:
            if self._gate.reached:
                raise
            self._log_error(error)
            # An error in the client's additions (tags, variables, a source location) must not cost the event.
            self._transport.emit(client_event(event))
            return True
        if self._additions is not None and self._gate.sent is not None:
            self._additions.learn(event, self._gate.sent)
        return self._gate.reached

    def _log_error(self, error: Exception) -> None:
        if not self._bare:
            self._bare = True
            advice = "check `tags`, `facets` and `dataset` of its configuration"
            reason = f"{type(error).__name__}: {error}"
            log.warning("events are sent without the additions of OpenLineage's client, %s: %s", advice, reason)


def _additions(client: OpenLineageClient, transport: Transport) -> ClientAdditions | None:
    """Returns what the client adds; None if its configuration may change, or drop, one event unlike others."""
    unlike = client.config.filters or client.config.dataset.reducing_enabled
    return None if unlike or not isinstance(transport, KafkaTransport) else ClientAdditions()


class UnusableClient:
    """A destination that counts events as lost, since OpenLineage's configuration can't be used.

    Args:
        reason: The error in the configuration, with its place.
    """

    close_timeout = CLOSE_TIMEOUT

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self._lost: list[str] = []

    def emit(self, event: Event) -> None:
        """Counts an event."""
        self._lost.append(node_of(event))

    def summary(self) -> str:
        """Returns the last line."""
        why = "; ".join(filter(None, (self._reason, missing(self._lost))))
        return f"OpenLineage events: 0 sent, {len(self._lost)} lost: {why}"

    def close(self, note: Callable[[str], None], spent: float = 0.0) -> None:  # noqa: ARG002 # nothing is waited for
        """Logs the last line."""
        log.warning("%s", self.summary())


class _Gate(Transport):
    """Passes events to the configured transport, and records that the client has called it."""

    kind = "headwater-gate"
    config_class = Config

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        # The client uses these to recognize a disabled transport, and to show the transport.
        self.kind = transport.kind or self.kind
        self.name = transport.name
        self.priority = transport.priority
        self.reached = False
        self.sent: Any = None

    def emit(self, event: Any) -> Any:
        self.reached, self.sent = True, event
        return self._transport.emit(event)

    def close(self, timeout: float = -1) -> bool:
        return self._transport.close(timeout)
