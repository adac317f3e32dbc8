"""The WebSocket transport of gremlinpython, signed at each connect, with timeouts for all operations.

gremlinpython has no timeout for opening and closing, and a request to stop can't shorten the one for responses.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from aiohttp import ClientWSTimeout
from gremlin_python.driver.aiohttp.transport import AiohttpTransport

from consumer.errors import TransientError
from consumer.graph.gremlin.deadline import ShutdownDeadline
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.sigv4 import sigv4_headers

OPEN_TIMEOUT_S = 10.0
"""Timeout for opening a connection in seconds: TCP, TLS, and the response to the upgrade."""

CLOSE_TIMEOUT_S = 1.0
"""Timeout for the closing handshake in seconds."""

CHECK_INTERVAL_S = 0.25
"""Interval between checks of the deadline in seconds."""


class WebSocket(AiohttpTransport):  # type: ignore[misc]  # gremlinpython has no types
    """A WebSocket to the address of a graph.

    Args:
        address: Address of the graph.
        response_timeout_s: Timeout of a response in seconds.
        deadline: Deadline after a request to stop.
        options: Options of gremlinpython.
    """

    def __init__(self, address: Address, response_timeout_s: float, deadline: ShutdownDeadline, **options: Any) -> None:
        super().__init__(timeout=ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S), **options)
        self._address = address
        self._answer_s = response_timeout_s
        self._deadline = deadline

    def connect(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Opens the connection with a new signature.

        Raises:
            TransientError: The connection does not open in time, or there are no credentials.
        """
        if url.startswith("wss:"):
            # Created for each connection, so that new certificates are used.
            self._aiohttp_kwargs["ssl"] = ssl.create_default_context()
        try:
            signed = {**(headers or {}), **sigv4_headers(self._address, url)}
            with self._time_limit(OPEN_TIMEOUT_S, "no connection to", self._deadline.has_expired):
                super().connect(url, signed)
        except BaseException:
            self.close()  # otherwise its session stays open
            raise

    def write(self, message: bytes) -> None:
        """Sends a message.

        Raises:
            TransientError: The server does not accept the message in time.
        """
        with self._time_limit(self._answer_s, "no answer from", self._deadline.has_expired):
            super().write(message)

    def read(self) -> Any:
        """Returns the next message.

        Raises:
            TransientError: No message arrives in time.
        """
        with self._time_limit(self._answer_s, "no answer from", self._deadline.has_expired):
            return super().read()

    def close(self) -> None:
        """Closes the connection, even if the server does not respond."""
        if self._loop.is_closed():
            return
        with suppress(TransientError), self._time_limit(CLOSE_TIMEOUT_S, "no closing handshake from", lambda: False):
            super().close()
        super().close()  # without a handshake, if it timed out

    @contextmanager
    def _time_limit(self, seconds: float, lack: str, has_expired: Callable[[], bool]) -> Iterator[None]:
        """Cancels what the event loop waits for in the block, after a timeout or an expired deadline.

        Raises:
            TransientError: The block was cancelled; names the missing response.
        """
        if has_expired():
            raise TransientError(f"{lack} {self._address.url}: stopping")
        ends = time.monotonic() + seconds
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer
            if time.monotonic() >= ends or has_expired():
                for task in asyncio.all_tasks(self._loop):
                    task.cancel()
            timer = self._loop.call_later(CHECK_INTERVAL_S, look)

        timer = self._loop.call_later(CHECK_INTERVAL_S, look)
        try:
            yield
        except asyncio.CancelledError:
            late = f" within {seconds:g} s" if time.monotonic() >= ends else ": stopping"
            raise TransientError(f"{lack} {self._address.url}{late}") from None
        finally:
            timer.cancel()
