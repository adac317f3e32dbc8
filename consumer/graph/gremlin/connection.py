"""The typed module in front of gremlinpython: one connection, mended when it breaks.

gremlinpython keeps the headers that it was given for good and never reopens a connection that died, so after a broken
connection the client is made anew, and with it the signature. All its calls are made on one thread (`Worker`), so that
an interrupt ends a wait and nothing else.
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
from consumer.graph.gremlin.call_thread import Worker
from consumer.graph.gremlin.deadline import Patience, Waiting
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.error_codes import CONFLICTS, RECONNECTED, RETRIED, TOO_MUCH, code_of
from consumer.graph.gremlin.websocket_transport import WebSocket

_log = structlog.get_logger(__name__)

MOST_ANSWER_BYTES = 150 * 1024 * 1024


class GraphError(RefusedWrite):
    """The graph refuses a request, and would refuse it again."""


class TooMuch(HeadwaterError):
    """A request is too much for the graph at once; smaller ones may not be."""


class Conflict(TransientError):
    """A request does not fit what others have made of the graph meanwhile; none of it was done."""


class _Failed(TransientError):
    """A request failed and may succeed when it is sent again."""


Sent = Future[list[Any]]
"""The results of a request on its way."""


def _taken(answers: list[Any]) -> list[Any]:
    """What is in answers, which are empty then.

    gremlinpython's objects hold each other in a circle, and would hold the answers until that is collected.
    """
    found = [answer.object for answer in answers for _ in range(answer.bulk)]
    answers.clear()
    return found


def _next(queries: Iterator[tuple[Bytecode, bool]]) -> tuple[bytes, bool] | None:
    pair = next(queries, None)
    return None if pair is None else (graphbinary_writer.request(pair[0]), pair[1])


class GremlinConnection:
    """One connection to a Gremlin server, opened with the first request and opened anew when it breaks.

    Args:
        address: The server's.
        patience: How long what can't be served now is tried again.
        stop: Set by a request to stop, after which no request takes longer than the patience lasts.
    """

    def __init__(self, address: Address, patience: Patience, stop: threading.Event | None = None) -> None:
        self._address = address
        self._patience = patience
        self._waiting = Waiting(patience, stop)
        self._worker = Worker("graph-connection")
        # Of the worker's thread, as are the methods that use them.
        self._client: Any = None
        self._socket: WebSocket | None = None

    def submit(self, query: Bytecode) -> list[Any]:
        """Sends a request that may be sent twice; returns its results.

        Raises:
            TransientError: The server can't serve it now, for as long as the patience lasts.
            GraphError: The server refuses it, and would refuse it again.
        """
        self._waiting.begin()
        return self._patiently(graphbinary_writer.request(query), None)

    def submit_all(self, queries: Iterable[tuple[Bytecode, bool]]) -> Iterator[list[Any]]:
        """Sends requests, one after the other; the next one is made while the server is at work on the last.

        Args:
            queries: Each with whether it can be divided into smaller ones.

        Raises:
            TooMuch: One that can be divided is too much for the server at once; those that follow are not sent.
            Conflict: One does not fit what is in the graph; those that follow are not sent.
            TransientError: As with `submit`; those that follow are not sent.
            GraphError: Likewise.
        """
        waiting = iter(queries)
        pair = _next(waiting)
        while pair is not None:
            data, divisible = pair
            self._waiting.begin()
            sent = self._send(data, divisible=divisible)
            following = _next(waiting)
            yield self._patiently(data, sent, divisible=divisible)
            pair = following

    def _patiently(self, data: bytes, sent: Sent | None, *, divisible: bool = False) -> list[Any]:
        """The results of a request, sent already or not; sent again while that may help."""
        first = [sent]

        def attempt() -> list[Any]:
            return ((first.pop() if first else None) or self._send(data, divisible=divisible)).result()

        tried_enough = stop_after_delay(self._patience.for_s)
        retrying = Retrying(
            retry=retry_if_exception_type(_Failed),
            wait=wait_random_exponential(self._patience.first_s, self._patience.most_s),
            stop=lambda state: tried_enough(state) or self._waiting.is_over(),
            before_sleep=self._tell,
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
            return _taken(self._client.submit_async(graphbinary_writer.numbered(data)).result().all().result())
        except GremlinServerError as error:
            raise self._meaning(error, divisible=divisible) from error
        except TransientError as error:
            self._drop()
            raise _Failed(str(error)) from error
        except Exception as error:
            # gremlinpython lets through whatever its event loop meets: a broken pipe, a closed socket, a time-out.
            self._drop()
            words = str(error) or type(error).__name__
            raise _Failed(f"the connection to {self._address.url} failed: {words}") from error

    def _open(self) -> Any:
        return Client(
            self._address.url,
            "g",
            pool_size=1,
            max_workers=1,
            transport_factory=self._new_socket,
            max_content_length=MOST_ANSWER_BYTES,
            message_serializer=graphbinary_writer.Serializer(),
        )

    def _new_socket(self) -> WebSocket:
        self._socket = WebSocket(
            self._address, self._patience.answer_s, self._waiting, max_content_length=MOST_ANSWER_BYTES
        )
        return self._socket

    def _meaning(self, error: GremlinServerError, *, divisible: bool) -> HeadwaterError:
        code, words = code_of(str(error))
        if divisible and code in TOO_MUCH:
            return TooMuch(f"{self._address.url} answers {code}: {words}")
        if code in CONFLICTS:
            return Conflict(f"{self._address.url} answers {code}: {words}")
        if code in RECONNECTED:
            self._drop()
        if code in RETRIED:
            return _Failed(f"{self._address.url} answers {code}: {words}")
        if code == "AccessDeniedException":
            return TransientError(f"{self._address.url} denies access: {words}; check the role's policy for neptune-db")
        return GraphError(f"{self._address.url} refuses a request with {code or error.status_code}: {words}")

    @staticmethod
    def _tell(state: RetryCallState) -> None:
        attempt = state.attempt_number
        if attempt & (attempt - 1):
            return  # told at the 1st, 2nd, 4th, 8th ...: one outage is one story
        failed = state.outcome.exception() if state.outcome else None
        _log.warning("graph request failed, trying again", attempt=attempt, reason=str(failed))

    def _drop(self) -> None:
        """Forgets the connection; the next request opens another one."""
        # The client closes no connection that is in use, so the socket is closed by itself.
        broken, self._client, self._socket = (self._client, self._socket), None, None
        for part in broken:
            if part is not None:
                try:
                    part.close()
                except Exception as error:  # noqa: BLE001 - it is broken already; what it says last is told
                    _log.debug("closing a broken connection failed", reason=str(error))

    def close(self) -> None:
        """Closes the connection for good, and waits for no answer."""
        self._waiting.end()
        self._worker.submit(self._drop)
        self._worker.close()
