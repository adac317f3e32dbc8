"""The typed module in front of gremlinpython: one connection, signed where it must be, mended when it breaks.

gremlinpython keeps the headers that it was given for good and never reopens a connection that died, so a signature is
made at each connect, and after a broken connection the client is made anew.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import structlog
from gremlin_python.driver.aiohttp.transport import AiohttpTransport
from gremlin_python.driver.client import Client
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.traversal import Bytecode
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from consumer.errors import HeadwaterError, RefusedWrite, TransientError
from consumer.graph import graphbinary
from consumer.graph.address import Address, signature
from consumer.graph.gremlin_errors import RECONNECTED, RETRIED, TOO_MUCH, code_of

_log = structlog.get_logger(__name__)

ANSWER_TIMEOUT_S = 150.0
"""How long an answer may take: longer than Neptune's default query timeout, 120 s."""
MOST_ANSWER_BYTES = 150 * 1024 * 1024


class GraphError(RefusedWrite):
    """The graph refuses a request, and would refuse it again."""


class TooMuch(HeadwaterError):
    """A request is too much for the graph at once; smaller ones may not be."""


class _Failed(TransientError):
    """A request failed and may succeed when it is sent again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what can't be served now is tried again, before the caller decides.

    Attributes:
        for_s: For how many seconds.
        first_s: The first pause at most; pauses are random and double.
        most_s: The longest pause.
    """

    for_s: float = 30.0
    first_s: float = 0.05
    most_s: float = 5.0


class Sent(NamedTuple):
    """A request on its way; `future` waits for the answer, or raises why there will be none."""

    future: Callable[[], Any]


def _raises(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


def _taken(answers: list[Any]) -> list[Any]:
    """What is in answers, which are empty then.

    gremlinpython's objects hold each other in a circle, and would hold the answers until that is collected.
    """
    found = [answer.object for answer in answers for _ in range(answer.bulk)]
    answers.clear()
    return found


def _next(queries: Iterator[tuple[Bytecode, bool]]) -> tuple[bytes, bool] | None:
    pair = next(queries, None)
    return None if pair is None else (graphbinary.request(pair[0]), pair[1])


class _Transport(AiohttpTransport):  # type: ignore[misc]  # gremlinpython has no types
    """A WebSocket that is signed when it is opened."""

    def __init__(self, address: Address, **options: Any) -> None:
        super().__init__(read_timeout=ANSWER_TIMEOUT_S, write_timeout=ANSWER_TIMEOUT_S, **options)
        self._address = address

    def connect(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        """Opens the connection, with a signature made now."""
        if url.startswith("wss:"):
            # Made here, so that certificates that have come since are seen.
            self._aiohttp_kwargs["ssl"] = ssl.create_default_context()
        try:
            super().connect(url, {**(headers or {}), **signature(self._address, url)})
        except BaseException:
            self.close()  # else its session outlives it
            raise


class GremlinConnection:
    """One connection to a Gremlin server, opened with the first request and opened anew when it breaks."""

    def __init__(self, address: Address, patience: Patience) -> None:
        self._address = address
        self._patience = patience
        self._client: Any = None

    def submit(self, query: Bytecode) -> list[Any]:
        """Sends a request that may be sent twice; returns its results.

        Raises:
            TransientError: The server can't serve it now, for as long as the patience lasts.
            GraphError: The server refuses it, and would refuse it again.
        """
        return self._patiently(graphbinary.request(query), None)

    def submit_all(self, queries: Iterable[tuple[Bytecode, bool]]) -> Iterator[list[Any]]:
        """Sends requests, one after the other; the next one is made while the server is at work on the last.

        Args:
            queries: Each with whether it can be divided into smaller ones.

        Raises:
            TooMuch: One that can be divided is too much for the server at once; those that follow are not sent.
            TransientError: As with `submit`; those that follow are not sent.
            GraphError: Likewise.
        """
        waiting = iter(queries)
        pair = _next(waiting)
        while pair is not None:
            data, divisible = pair
            sent = self._send(data)
            following = _next(waiting)
            yield self._patiently(data, sent, divisible=divisible)
            pair = following

    def _patiently(self, data: bytes, sent: Sent | None, *, divisible: bool = False) -> list[Any]:
        """The results of a request, sent already or not; sent again while that may help."""
        first = [sent]

        def attempt() -> list[Any]:
            return self._results((first.pop() if first else None) or self._send(data), divisible=divisible)

        retrying = Retrying(
            retry=retry_if_exception_type(_Failed),
            wait=wait_random_exponential(self._patience.first_s, self._patience.most_s),
            stop=stop_after_delay(self._patience.for_s),
            before_sleep=self._tell,
            reraise=True,
        )
        return list(retrying(attempt))

    def _send(self, data: bytes) -> Sent:
        """Sends a request; what goes wrong is told by its results."""
        try:
            if self._client is None:
                self._client = self._open()
            return Sent(self._client.submit_async(graphbinary.numbered(data)).result)
        except Exception as error:  # noqa: BLE001 - whatever it is, `_results` says what it means
            return Sent(_raises(error))

    def _results(self, sent: Sent, *, divisible: bool) -> list[Any]:
        try:
            return _taken(sent.future().all().result())
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
            transport_factory=lambda: _Transport(self._address, max_content_length=MOST_ANSWER_BYTES),
            max_content_length=MOST_ANSWER_BYTES,
            message_serializer=graphbinary.Serializer(),
        )

    def _meaning(self, error: GremlinServerError, *, divisible: bool) -> HeadwaterError:
        code, words = code_of(str(error))
        if divisible and code in TOO_MUCH:
            return TooMuch(f"{self._address.url} answers {code}: {words}")
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
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close()
            except Exception as error:  # noqa: BLE001 - it is broken already; what it says last is told
                _log.debug("closing a broken connection failed", reason=str(error))

    def close(self) -> None:
        """Closes the connection."""
        self._drop()
