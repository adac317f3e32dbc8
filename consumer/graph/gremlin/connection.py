"""A typed wrapper of gremlinpython: one connection, reopened when it breaks.

gremlinpython never changes the headers of a client and never reopens a broken connection, so a new client is created
with a new signature. All its calls are made on one thread (`CallThread`), so that an interrupt only ends a wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any

import structlog
from gremlin_python.driver.client import Client
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.traversal import Bytecode
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from consumer.errors import HeadwaterError, RefusedWrite, TransientError
from consumer.graph.gremlin import graphbinary_writer
from consumer.graph.gremlin.call_thread import CallThread
from consumer.graph.gremlin.deadline import RetryPolicy, ShutdownDeadline
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.error_codes import CONFLICTS, RECONNECTED, RETRIED, TOO_LARGE, code_of
from consumer.graph.gremlin.websocket_transport import WebSocket

_log = structlog.get_logger(__name__)

MAX_RESPONSE_BYTES = 150 * 1024 * 1024


class GraphError(RefusedWrite):
    """The graph rejects a request permanently."""


class RequestTooLarge(HeadwaterError):
    """A request exceeds the graph's limits; smaller ones may succeed."""


class Conflict(TransientError):
    """A request conflicts with concurrent changes; none of it was applied."""


class _Failed(TransientError):
    """A request failed and can be retried."""


Sent = Future[list[Any]]
"""The future results of a sent request."""


def _take_results(traversers: list[Any]) -> list[Any]:
    """Returns the results in traversers, and empties the list.

    gremlinpython's objects form a reference cycle, which would keep the results until it is collected.
    """
    results: list[Any] = []
    for traverser in traversers:
        results += [traverser.object] * traverser.bulk
    traversers.clear()
    return results


def _next(queries: Iterator[tuple[Bytecode, bool]]) -> tuple[bytes, bool] | None:
    pair = next(queries, None)
    return None if pair is None else (graphbinary_writer.request(pair[0]), pair[1])


class GremlinConnection:
    """One connection to a Gremlin server, opened on the first request and reopened when it breaks.

    Args:
        address: Address of the server.
        retry_policy: Retry policy of requests.
        stop: Set by a request to stop, after which no request outlasts the retry policy's deadline.
    """

    def __init__(self, address: Address, retry_policy: RetryPolicy, stop: threading.Event | None = None) -> None:
        self._address = address
        self._retry_policy = retry_policy
        self._deadline = ShutdownDeadline(retry_policy, stop)
        self._worker = CallThread("graph-connection")
        # Only used on the worker's thread.
        self._client: Any = None
        self._socket: WebSocket | None = None

    def submit(self, query: Bytecode) -> list[Any]:
        """Sends an idempotent request, with retries; returns its results.

        Raises:
            TransientError: The server is unavailable until the retry policy's deadline.
            GraphError: The server rejects the request permanently.
        """
        self._deadline.begin()
        return self._with_retries(graphbinary_writer.request(query), None)

    def submit_all(self, queries: Iterable[tuple[Bytecode, bool]]) -> Iterator[list[Any]]:
        """Sends requests in order; the next one is serialized while the server processes the current one.

        Args:
            queries: Requests, each with True if it can be split.

        Raises:
            RequestTooLarge: A request that can be split exceeds the server's limits; later ones are not sent.
            Conflict: A request conflicts with the graph; later ones are not sent.
            TransientError: As in `submit`; later ones are not sent.
            GraphError: As in `submit`; later ones are not sent.
        """
        pending = iter(queries)
        pair = _next(pending)
        while pair is not None:
            data, divisible = pair
            self._deadline.begin()
            sent = self._send(data, divisible=divisible)
            following = _next(pending)
            yield self._with_retries(data, sent, divisible=divisible)
            pair = following

    def _with_retries(self, data: bytes, sent: Sent | None, *, divisible: bool = False) -> list[Any]:
        """Returns the results of a request, which may be sent already; retries until the deadline."""
        first = [] if sent is None else [sent]

        def attempt() -> list[Any]:
            request = first.pop() if first else self._send(data, divisible=divisible)
            return request.result()

        past_deadline = stop_after_delay(self._retry_policy.max_elapsed_s)
        retrying = Retrying(
            retry=retry_if_exception_type(_Failed),
            wait=wait_random_exponential(self._retry_policy.initial_backoff_s, self._retry_policy.max_backoff_s),
            stop=lambda state: past_deadline(state) or self._deadline.has_expired(),
            before_sleep=self._log_retry,
            reraise=True,
        )
        return list(retrying(attempt))

    def _send(self, data: bytes, *, divisible: bool) -> Sent:
        return self._worker.submit(lambda: self._exchange(data, divisible=divisible))

    def _exchange(self, data: bytes, *, divisible: bool) -> list[Any]:
        """Sends a request and returns its results."""
        try:
            if self._client is None:
                self._client = self._open()
            return _take_results(self._client.submit_async(graphbinary_writer.numbered(data)).result().all().result())
        except GremlinServerError as error:
            raise self._classify(error, divisible=divisible) from error
        except TransientError as error:
            self._discard()
            raise _Failed(str(error)) from error
        except Exception as error:
            # gremlinpython passes on any error of its event loop: a broken pipe, a closed socket, a timeout.
            self._discard()
            reason = str(error) or type(error).__name__
            raise _Failed(f"the connection to {self._address.url} failed: {reason}") from error

    def _open(self) -> Any:
        return Client(
            self._address.url,
            "g",
            pool_size=1,
            max_workers=1,
            transport_factory=self._new_socket,
            max_content_length=MAX_RESPONSE_BYTES,
            message_serializer=graphbinary_writer.Serializer(),
        )

    def _new_socket(self) -> WebSocket:
        self._socket = WebSocket(
            self._address, self._retry_policy.response_timeout_s, self._deadline, max_content_length=MAX_RESPONSE_BYTES
        )
        return self._socket

    def _classify(self, error: GremlinServerError, *, divisible: bool) -> HeadwaterError:
        code, message = code_of(str(error))
        if divisible and code in TOO_LARGE:
            return RequestTooLarge(f"{self._address.url} returned {code}: {message}")
        if code in CONFLICTS:
            return Conflict(f"{self._address.url} returned {code}: {message}")
        if code in RECONNECTED:
            self._discard()
        if code in RETRIED:
            return _Failed(f"{self._address.url} returned {code}: {message}")
        if code == "AccessDeniedException":
            return TransientError(
                f"{self._address.url} denied access: {message}; check the role's policy for neptune-db"
            )
        return GraphError(f"{self._address.url} rejected a request with {code or error.status_code}: {message}")

    @staticmethod
    def _log_retry(state: RetryCallState) -> None:
        attempt = state.attempt_number
        if attempt & (attempt - 1):
            return  # only the 1st, 2nd, 4th, 8th ... attempt of an outage is logged
        error = state.outcome.exception() if state.outcome else None
        _log.warning("graph request failed, retrying", attempt=attempt, reason=str(error))

    def _discard(self) -> None:
        """Discards the connection; the next request opens another one."""
        # The client does not close a connection that is in use, so the socket is closed separately.
        broken, self._client, self._socket = (self._client, self._socket), None, None
        for part in broken:
            if part is not None:
                try:
                    part.close()
                except Exception as error:  # noqa: BLE001 - the connection is broken already
                    _log.debug("closing a broken connection failed", reason=str(error))

    def close(self) -> None:
        """Closes the connection permanently, without waiting for responses."""
        self._deadline.end()
        self._worker.submit(self._discard)
        self._worker.close()
