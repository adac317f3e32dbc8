"""Connections that send nothing, or a request line by line, are closed: they would take the place of others."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

HEAD_S = 10.0
"""Seconds from a connection's beginning, or the end of the answer before, until the head of a request is there."""


class PromptProtocol(H11Protocol):
    """uvicorn's protocol with a time limit for the head of a request.

    Attributes:
        head_s: The limit, in seconds.
    """

    head_s = HEAD_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts the time."""
        super().connection_made(transport)
        self._wait()

    def handle_events(self) -> None:
        """Ends the time once a request's head has been read."""
        super().handle_events()
        if self._answering():
            self._stop()

    def on_response_complete(self) -> None:
        """Starts the time again, for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and not self._answering():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the time."""
        self._stop()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._stop()
        self._deadline = self.loop.call_later(self.head_s, self._late)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
