"""Connections to a Gremlin server: so many at most, opened when they are needed, and replaced when they break.

All of them live on one thread (`Worker`), so that an interrupt ends a wait and nothing else. A signature is made for
each when it is opened. What breaks one connection, such as a failover, has most likely broken those that are idle too,
so they are closed with it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager
from http import HTTPStatus
from ssl import SSLError
from typing import Any, TypeVar

import structlog
from aiohttp import ClientConnectorDNSError, ClientConnectorError, WSServerHandshakeError
from gremlin_python.process.traversal import Bytecode
from tenacity import RetryCallState

from consumer.errors import HeadwaterError, RefusedWrite, TransientError
from consumer.graph.gremlin import graphbinary_writer
from consumer.graph.gremlin.concurrency_limit import ConcurrencyLimit
from consumer.graph.gremlin.deadline import RetryPolicy, ShutdownDeadline
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.error_codes import CONFLICTS, CROWDED, RECONNECTED, RETRIED, TOO_LARGE, code_of
from consumer.graph.gremlin.event_loop_thread import Worker
from consumer.graph.gremlin.graphbinary_reader import Answer
from consumer.graph.gremlin.websocket_transport import WebSocket, open_socket
from consumer.retry import async_retrying, error_of, jittered

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class GraphError(RefusedWrite):
    """The graph refuses a request, and would refuse it again."""


class RequestTooLarge(HeadwaterError):
    """A request is too much for the graph at once; smaller ones may not be."""


class Conflict(TransientError):
    """A request does not fit what others have made of the graph meanwhile; none of it was done."""


class _Failed(TransientError):
    """A request failed and may succeed when it is sent again."""


class GremlinConnections:
    """Connections to a Gremlin server.

    Args:
        address: The server's.
        retry_policy: How long what can't be served now is tried again.
        stop: Set by a request to stop, after which no request takes longer than the retry_policy lasts.
        most: How many connections there may be, and so how many requests at once.
    """

    def __init__(
        self, address: Address, retry_policy: RetryPolicy, stop: threading.Event | None = None, most: int = 1
    ) -> None:
        self._address = address
        self._retry_policy = retry_policy
        self._deadline = ShutdownDeadline(retry_policy, stop)
        self._worker = Worker("graph-connections")
        # Of the worker's thread, as are the coroutines that use them.
        self._slots = ConcurrencyLimit(most)
        self._idle: list[WebSocket] = []

    def submit(self, query: Bytecode) -> list[Any]:
        """Sends a request that may be sent twice; returns its results.

        Raises:
            TransientError: The server can't serve it now, for as long as the retry_policy lasts.
            GraphError: The server refuses it, and would refuse it again.
        """
        return result_of(self.start(self.ask(graphbinary_writer.request(query))))

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Starts work that asks the server; several pieces of work begin in the order in which they are started.

        Raises:
            TransientError: The connections are closed.
        """
        try:
            return self._worker.submit(work)
        except RuntimeError as error:
            raise TransientError(f"the connections to {self._address.url} are closed") from error

    async def ask(self, data: bytes, *, divisible: bool = False) -> list[Any]:
        """Sends a request, again while that may help; returns its results.

        Args:
            data: The request.
            divisible: True if it can be divided into smaller ones.

        Raises:
            RequestTooLarge: It can be divided, and is too much for the server at once.
            Conflict: It does not fit what is in the graph.
            TransientError: As with `submit`.
            GraphError: Likewise.
        """
        has_expired = self._deadline.begin()
        policy = self._retry_policy
        with_retries = async_retrying(
            _Failed,
            jittered(policy.initial_backoff_s, policy.max_backoff_s),
            max_elapsed_s=policy.max_elapsed_s,
            should_stop=lambda _: has_expired(),
            on_retry=_log_retry,
        )
        return await with_retries(self._attempt, data, divisible, has_expired)

    async def _attempt(self, data: bytes, divisible: bool, has_expired: Callable[[], bool]) -> list[Any]:  # noqa: FBT001
        # The place comes first: a request that waits for its turn holds no connection.
        async with self._slots.taken() as place:
            async with self._connected(place, has_expired) as connection:
                answer = await connection.ask(data, self._retry_policy.response_timeout_s, has_expired)
            if answer.is_good:
                self._slots.served()
                return answer.results
            code, words = code_of(answer.message)
            if code in CROWDED:
                self._slots.refused(place)
            if code in RECONNECTED:
                await self._drop_idle()
            raise self._classify(answer, code, words, divisible=divisible)

    @asynccontextmanager
    async def _connected(self, place: int, has_expired: Callable[[], bool]) -> AsyncIterator[WebSocket]:
        """A connection, which is kept for the next request unless something goes wrong within."""
        connection: WebSocket | None = None
        try:
            # The one used last: Neptune closes connections that are idle for long (its page "Limits").
            connection = self._idle.pop() if self._idle else await open_socket(self._address, has_expired)
            yield connection
        except BaseException as error:
            # Also of a cancellation: the answer may still come, and would be taken for that of the next request.
            if connection is not None:
                await self._drop_idle()
                await _close(connection)
            if isinstance(error, TransientError):
                raise _Failed(str(error)) from error
            if isinstance(error, WSServerHandshakeError) and error.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._slots.refused(place)
            if not isinstance(error, Exception):
                raise
            # Whatever a library lets through: a broken pipe, a closed socket, an upgrade that is refused.
            raise _Failed(_diagnosis(self._address.url, error)) from error
        self._idle.append(connection)

    def _classify(self, answer: Answer, code: str, words: str, *, divisible: bool) -> HeadwaterError:
        said = f"{self._address.url} answers {code}: {words}"
        # Before the retries, which have some of the same codes: what is too large would be so again.
        if divisible and code in TOO_LARGE:
            return RequestTooLarge(said)
        if code in CONFLICTS:
            return Conflict(said)
        if code in RETRIED:
            return _Failed(said)
        # No refusal for good: a policy counts only some time after it is attached (IAM is eventually consistent).
        if code == "AccessDeniedException":
            return TransientError(f"{self._address.url} denies access: {words}; check the role's policy for neptune-db")
        return GraphError(f"{self._address.url} refuses a request with {code or answer.status}: {words}")

    async def _drop_idle(self) -> None:
        """Closes the connections that are not in use; the next requests open others."""
        # Emptied before the first wait, during which another request could take one that is about to be closed.
        idle, self._idle = self._idle, []
        for connection in idle:
            await _close(connection)

    def close(self) -> None:
        """Closes the connections for good, and waits for no answer."""
        self._deadline.end()
        try:
            self._worker.submit(self._part())
        except RuntimeError:
            return  # closed already
        self._worker.close()

    async def _part(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await _close(connection, politely=True)


def result_of(future: Future[T]) -> T:
    """Returns the result of work on connections.

    Raises:
        TransientError: The connections were closed meanwhile; or as the work raises.
    """
    try:
        return future.result()
    except CancelledError as error:
        raise TransientError("the connection to the graph was closed before there was an answer") from error


async def _close(connection: WebSocket, *, politely: bool = False) -> None:
    try:
        await connection.close(politely=politely)
    except Exception as error:  # noqa: BLE001 - the connection is broken already
        _log.debug("closing a broken connection failed", reason=str(error))


def _diagnosis(url: str, error: Exception) -> str:
    """Returns what failed with a connection, and the next action where a server is not reached."""
    if not isinstance(error, ClientConnectorError):
        return f"the connection to {url} failed: {str(error) or type(error).__name__}"
    # aiohttp's own words end with the connection's TLS settings.
    cause = error.os_error
    if isinstance(error, ClientConnectorDNSError):
        reason = cause.strerror or cause
        return f"the name in {url} can't be resolved ({reason}); check the name and this network's DNS"
    if isinstance(cause, SSLError):
        return f"the connection to {url} failed: {cause.strerror or cause}"
    # asyncio's text names the addresses in place of the reason.
    reason = os.strerror(cause.errno) if cause.errno else cause
    return f"{url} can't be reached ({reason}); check that it is running and that the port is right"


def _log_retry(state: RetryCallState) -> None:
    attempt = state.attempt_number
    if attempt & (attempt - 1):
        return  # only the 1st, 2nd, 4th, 8th ... attempt of an outage is logged
    _log.warning("graph request failed, retrying", attempt=attempt, reason=str(error_of(state)))
