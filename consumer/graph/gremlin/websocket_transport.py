"""One WebSocket to a Gremlin server: signed when it is opened, and never waited on longer than it may take.

It is used on the thread of a `Worker` alone. Requests are bytes already; answers are read as GraphBinary.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final

import aiohttp
from gremlin_python.driver.useragent import userAgent, userAgentHeader

from consumer.graph.gremlin import graphbinary_writer
from consumer.graph.gremlin.deadline import limited
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.event_loop_thread import on_a_thread
from consumer.graph.gremlin.graphbinary_reader import Answer, AnswerReader
from consumer.graph.gremlin.sigv4 import sigv4_headers

# aiohttp's 4 MiB are less than one part of an answer, 64 results by TinkerPop's default, may have.
MAX_RESPONSE_BYTES: Final = 150 * 1024 * 1024

OPEN_TIMEOUT_S: Final = 10.0
"""Timeout of opening a connection (TCP, TLS, and the upgrade) in seconds."""

SIGN_TIMEOUT_S: Final = 60.0
"""Timeout of a look-up of credentials, such as from an instance's role, in seconds."""

CLOSE_TIMEOUT_S: Final = 1.0
"""Timeout of the close handshake in seconds."""

_PARTIAL: Final = 206
"""TinkerPop's status of an answer of which more comes."""

IsOver = Callable[[], bool]


class Disconnected(Exception):
    """The server has closed the connection, or sends what is no answer."""


class WebSocket:
    """An open connection; make it with `open_socket`.

    Args:
        address: Where it leads.
        session: aiohttp's, of this connection alone.
        socket: aiohttp's.
    """

    def __init__(
        self, address: Address, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        self._address = address
        self._session = session
        self._socket = socket
        self._reader = AnswerReader()

    async def ask(self, data: bytes, seconds: float, has_expired: IsOver) -> Answer:
        """Sends a request and waits for its answer.

        Args:
            data: The request.
            seconds: How long that may take.
            has_expired: True once to wait no longer.

        Raises:
            TransientError: There is no answer in time.
            Disconnected: The connection is broken.
        """
        return await limited(self._exchange(data), seconds, f"no answer from {self._address.url}", has_expired)

    async def _exchange(self, data: bytes) -> Answer:
        id_, message = graphbinary_writer.numbered(data)
        await self._socket.send_bytes(message)
        results: list[Any] = []
        while True:
            answer = self._reader.read(await self._receive())
            # Without pipelining, this is the answer to a request that was given up before.
            if answer.request != id_:
                raise Disconnected("the server answers another request")
            results += answer.results
            if answer.status != _PARTIAL:
                return answer._replace(results=results)

    async def _receive(self) -> bytes:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.BINARY:
            raise Disconnected(f"the server ends it: {message.type.name} {message.data or ''}".rstrip())
        return bytes(message.data)

    async def close(self, *, politely: bool) -> None:
        """Closes the connection.

        Args:
            politely: True if the server is notified, and has a moment to close its side.
        """
        if politely:
            await self._socket.close()
        await self._session.close()


async def open_socket(address: Address, has_expired: IsOver) -> WebSocket:
    """Opens a connection, with a signature made now.

    Raises:
        TransientError: It does not open in time, or there is nothing to sign with.
        aiohttp.ClientError: It is refused.
    """
    lack = f"no connection to {address.url}"
    headers = {userAgentHeader: userAgent}
    if address.region is not None:
        # botocore asks the metadata service or STS here, and blocks.
        signed = on_a_thread(lambda: sigv4_headers(address, address.url))
        headers |= await limited(signed, SIGN_TIMEOUT_S, lack, has_expired)
    # `limited` has the time limits; aiohttp's own default would add one of five minutes.
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
    try:
        opened = session.ws_connect(
            address.url,
            headers=headers,
            # Made for each connection, so that certificates that have come since are seen.
            ssl=ssl.create_default_context() if address.url.startswith("wss:") else True,
            max_msg_size=MAX_RESPONSE_BYTES,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
        )
        return WebSocket(address, session, await limited(opened, OPEN_TIMEOUT_S, lack, has_expired))
    except BaseException:
        await session.close()
        raise
