"""The WebSocket below gremlinpython: signed when it is opened, and never waited on longer than it may take.

gremlinpython sets no limit to opening and closing, and to an answer one that a request to stop can't shorten.
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
from consumer.graph.gremlin.deadline import Waiting
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.sigv4 import signature

OPEN_TIMEOUT_S = 10.0
"""How long it may take to open a connection: TCP, TLS, and the answer to the upgrade."""

CLOSE_TIMEOUT_S = 1.0
"""How long a server may take to say good-bye."""

LOOK_S = 0.25
"""How often it is looked whether to wait on, in seconds."""


class WebSocket(AiohttpTransport):  # type: ignore[misc]  # gremlinpython has no types
    """A WebSocket to an address.

    Args:
        address: Where to, and whether to sign.
        answer_s: How many seconds an answer may take.
        waiting: Whether to wait on at all.
        options: The library's.
    """

    def __init__(self, address: Address, answer_s: float, waiting: Waiting, **options: Any) -> None:
        super().__init__(timeout=ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S), **options)
        self._address = address
        self._answer_s = answer_s
        self._waiting = waiting

    def connect(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Opens the connection, with a signature made now.

        Raises:
            TransientError: It does not open in time, or there is nothing to sign with.
        """
        if url.startswith("wss:"):
            # Made here, so that certificates that have come since are seen.
            self._aiohttp_kwargs["ssl"] = ssl.create_default_context()
        try:
            signed = {**(headers or {}), **signature(self._address, url)}
            with self._limited(OPEN_TIMEOUT_S, "no connection to", self._waiting.is_over):
                super().connect(url, signed)
        except BaseException:
            self.close()  # else its session outlives it
            raise

    def write(self, message: bytes) -> None:
        """Sends a message.

        Raises:
            TransientError: The server does not take it in time.
        """
        with self._limited(self._answer_s, "no answer from", self._waiting.is_over):
            super().write(message)

    def read(self) -> Any:
        """The next message.

        Raises:
            TransientError: It does not come in time.
        """
        with self._limited(self._answer_s, "no answer from", self._waiting.is_over):
            return super().read()

    def close(self) -> None:
        """Closes the connection, whatever the server makes of it."""
        if self._loop.is_closed():
            return
        with suppress(TransientError), self._limited(CLOSE_TIMEOUT_S, "no good-bye from", lambda: False):
            super().close()
        super().close()  # without a word to the server, if that was not taken

    @contextmanager
    def _limited(self, seconds: float, lack: str, is_over: Callable[[], bool]) -> Iterator[None]:
        """Breaks off what the loop waits for within, after so long or when it is over.

        Raises:
            TransientError: It was broken off; says what was not there.
        """
        if is_over():
            raise TransientError(f"{lack} {self._address.url}, which is not waited for any longer")
        ends = time.monotonic() + seconds
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer
            if time.monotonic() >= ends or is_over():
                for task in asyncio.all_tasks(self._loop):
                    task.cancel()
            timer = self._loop.call_later(LOOK_S, look)

        timer = self._loop.call_later(LOOK_S, look)
        try:
            yield
        except asyncio.CancelledError:
            late = f" within {seconds:g} s" if time.monotonic() >= ends else ", which is not waited for any longer"
            raise TransientError(f"{lack} {self._address.url}{late}") from None
        finally:
            timer.cancel()
