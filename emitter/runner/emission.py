"""Sends events by whatever transport OpenLineage is configured with, and reports the nodes that lost their lineage."""

import logging
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.transport.transport import Config, Transport

from emitter.node_names import missing, node_of
from emitter.runner.client_events import Event, client_event

log = logging.getLogger("emitter.runner")

CLOSE_TIMEOUT = 10.0
"""Seconds that a transport without a `close_timeout` of its own may take to send what waits."""


class Emission:
    """An OpenLineage client that never raises but on construction.

    Args:
        client: The client; the one of OpenLineage's configuration if it is not given.

    Raises:
        Exception: Whatever the client and its transport say to a configuration that they can't use.
    """

    def __init__(self, client: OpenLineageClient | None = None) -> None:
        self._client = client or OpenLineageClient()
        self._transport = self._client.transport
        self._client.transport = self._gate = _Gate(self._transport)
        self.close_timeout = float(getattr(self._transport, "close_timeout", CLOSE_TIMEOUT))
        self._sent = self._filtered = 0
        self._bare = False
        self._failed: list[str] = []
        self._first: str | None = None

    def emit(self, event: Event) -> None:
        """Sends an event; an error of the transport is counted and reported at the end, with the node's name."""
        try:
            self._filtered += not self._emitted(event)
            self._sent += 1
        except Exception as error:  # noqa: BLE001 # any transport may be configured; the other events must go out
            self._failed.append(node_of(event))
            self._first = self._first or f"{type(error).__name__}: {error}"

    def close(self, spent: float = 0.0) -> None:
        """Waits until the transport has sent what waits, at most `close_timeout` less the seconds already spent."""
        try:
            self._client.close(timeout=max(self.close_timeout - spent, 0.1))
        except Exception as error:  # noqa: BLE001 # as above
            log.warning("the OpenLineage transport did not close: %s: %s", type(error).__name__, error)
        if self._failed:
            failed, total = len(self._failed), len(self._failed) + self._sent
            why = "; ".join(filter(None, (self._first, missing(self._failed))))
            log.warning("%d of %d OpenLineage events were not sent: %s", failed, total, why)

    def _emitted(self, event: Event) -> bool:
        """Sends an event; returns False if the configuration's `filters` kept it back.

        Raises:
            Exception: The transport's.
        """
        made = client_event(event)
        self._gate.reached = False
        try:
            self._client.emit(made)
        except Exception as error:
            if self._gate.reached:
                raise
            self._explain(error)
            # A fault in what the client adds (tags, variables, a source location) costs that, and not the event.
            self._transport.emit(client_event(event))
            return True
        return self._gate.reached

    def _explain(self, error: Exception) -> None:
        if not self._bare:
            self._bare = True
            advice = "check `tags`, `facets` and `dataset` of its configuration"
            reason = f"{type(error).__name__}: {error}"
            log.warning("events are sent without what OpenLineage's client adds to them, %s: %s", advice, reason)


class _Gate(Transport):
    """Hands events on to the configured transport, and remembers that the client has come that far."""

    kind = "headwater-gate"
    config_class = Config

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        # By these the client recognises a transport that is switched off, and shows it.
        self.kind = transport.kind
        self.name = transport.name
        self.priority = transport.priority
        self.reached = False

    def emit(self, event: Any) -> Any:
        self.reached = True
        return self._transport.emit(event)

    def close(self, timeout: float = -1) -> bool:
        return self._transport.close(timeout)
