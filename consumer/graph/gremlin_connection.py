"""The typed module in front of gremlinpython: one connection, signed where it must be, mended when it breaks.

gremlinpython keeps the headers that it was given for good and never reopens a connection that died, so a signature is
made at each connect, and after a broken connection the client is made anew. What an error means is told by the `code`
in its message (Neptune's user guide, "Graph Engine Error Messages and Codes"), not by the WebSocket's status.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import structlog
from gremlin_python.driver.aiohttp.transport import AiohttpTransport
from gremlin_python.driver.client import Client
from gremlin_python.driver.protocol import GremlinServerError
from gremlin_python.process.traversal import Bytecode
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from consumer.errors import HeadwaterError, RefusedWrite, TransientError, UsageError
from consumer.graph import graphbinary

_log = structlog.get_logger(__name__)

DEFAULT_PORT = 8182
ANSWER_TIMEOUT_S = 150.0
"""How long an answer may take: longer than Neptune's default query timeout, 120 s."""
MOST_ANSWER_BYTES = 150 * 1024 * 1024

RETRIED = frozenset(
    {
        "CancelledByUserException",
        "ConcurrentModificationException",
        "ConstraintViolationException",
        "InternalFailureException",
        "MemoryLimitExceededException",
        "QueryLimitExceededException",
        "ReadOnlyViolationException",
        "ThrottlingException",
        "TimeLimitExceededException",
        "TooManyRequestsException",
    }
)
"""Neptune's codes after which the same request may succeed. A merge that meets another one of the same id is a
constraint violation, and does not meet it again; a writer that has become a replica is found anew by its name."""

TOO_MUCH = frozenset({"MemoryLimitExceededException", "QueryLimitException", "TimeLimitExceededException"})
"""Codes after which a smaller request may succeed where the same one would not."""

RECONNECTED = frozenset({"ReadOnlyViolationException", "AccessDeniedException"})
"""Codes after which a new connection may reach another instance, or carry a newer signature."""

_PLAIN = (
    (
        re.compile(r"modified in another transaction|already exists|could not be resolved"),
        "ConcurrentModificationException",
    ),
    (re.compile(r"timeout occurred|[Ee]valuation exceeded|evaluationTimeout"), "TimeLimitExceededException"),
    (re.compile(r"Rate limiting"), "ThrottlingException"),
)
"""What a plain Gremlin Server says, and Neptune's code for it."""


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


@dataclass(frozen=True, slots=True)
class Address:
    """Where a graph is, and whether requests to it are signed.

    Attributes:
        url: The WebSocket's.
        region: The AWS region to sign for; None where nothing is signed.
    """

    url: str
    region: str | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address that a graph URL names.

        Raises:
            UsageError: It is no graph URL, or a `neptune://` one without a region.
        """
        parts = urlsplit(url)
        if parts.scheme in {"ws", "wss"} and parts.hostname:
            return cls(url)
        if parts.scheme != "neptune" or not parts.hostname:
            raise UsageError(
                f"{url!r} names no graph; give sqlite:///FILE, ws://HOST:8182/gremlin or neptune://HOST:8182?region=REGION"
            )
        settings = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        unknown = settings.keys() - {"region", "iam"}
        if unknown:
            raise UsageError(f"{url!r} has unknown settings {', '.join(sorted(unknown))}; it knows region and iam")
        signed = settings.get("iam", "true").lower() != "false"
        region = settings.get("region")
        if signed and not region:
            raise UsageError(f"{url!r} lacks a region to sign for: add ?region=REGION, or &iam=false")
        return cls(f"wss://{parts.hostname}:{parts.port or DEFAULT_PORT}/gremlin", region if signed else None)


class Sent(NamedTuple):
    """A request on its way; `future` waits for the answer, or raises why there will be none."""

    future: Callable[[], Any]


def _raises(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


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
            super().connect(url, {**(headers or {}), **_signature(self._address, url)})
        except BaseException:
            self.close()  # else its session outlives it
            raise


def _signature(address: Address, url: str) -> dict[str, str]:
    """Headers of AWS Signature Version 4 for a connection; none for an address that is not signed for.

    Raises:
        TransientError: There are no AWS credentials (they may yet come, from an instance's role).
    """
    if address.region is None:
        return {}
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - a second that only Neptune needs
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    credentials = get_session().get_credentials()
    if credentials is None:
        raise TransientError(
            "no AWS credentials were found to sign for Neptune: set a role, a profile or AWS_ACCESS_KEY_ID"
        )
    request = AWSRequest("GET", url)
    SigV4Auth(credentials.get_frozen_credentials(), "neptune-db", address.region).add_auth(request)
    return dict(request.headers.items())


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
            answers = sent.future().all().result()
            return [answer.object for answer in answers for _ in range(answer.bulk)]
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
        code, words = _code(str(error))
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


def _code(message: str) -> tuple[str, str]:
    """Neptune's code in an error's message, and the words; for a plain Gremlin Server Neptune's code for its words."""
    start = message.find("{")
    if start >= 0:
        try:
            body = json.loads(message[start:])
        except ValueError:
            body = {}
        if isinstance(body, dict) and "code" in body:
            return str(body["code"]), str(body.get("detailedMessage", ""))
    for pattern, code in _PLAIN:
        if pattern.search(message):
            return code, message
    return "", message
