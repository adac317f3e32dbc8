"""Health and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`, for an orchestrator and Prometheus.

One thread serves all connections, so that a slow client takes no thread from others. A request has one deadline, from
its connection to the last byte of the response. A connection above the limit closes the oldest: a probe sends its
request at once, and has its response before it is the oldest.
"""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import structlog
from prometheus_client import MetricsHandler
from prometheus_client.registry import Collector

from consumer.errors import UsageError
from consumer.telemetry.health import Health, HealthStatus

MAX_CONNECTIONS: Final = 64
"""Maximum open connections; another one closes the oldest."""

REQUEST_TIMEOUT_S: Final = 5.0
"""Seconds from a connection to the end of its response, at most."""

MAX_REQUEST_BYTES: Final = 16 * 1024
"""Bytes of a request with its headers, at most."""

_HEAD_ENDS: Final = (b"\r\n\r\n", b"\n\n")

_log = structlog.get_logger(__name__)


class HttpServer:
    """HTTP server on a thread of its own.

    Args:
        host: Address to listen on; `0.0.0.0` or `::` for all.
        port: Port; 0 lets the system choose.
        health: Source of `/healthz` and `/readyz`.
        registry: Source of `/metrics`.
        timeout_s: Deadline of a request in seconds.

    Raises:
        UsageError: The port is not available.
    """

    def __init__(
        self, host: str, port: int, health: Health, registry: Collector, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> None:
        try:
            self._socket = _listening(host, port)
        except OSError as error:
            raise UsageError(
                f"can't listen on http.port {port} of http.host {host}: {error.strerror or error}; set http.port to a"
                " free"
                " port, or to 0 for none"
            ) from error
        self._connections = _Connections(health, registry, timeout_s)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="headwater-http", daemon=True)

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        _log.info("listening for health checks and Prometheus", host=self._socket.getsockname()[0], port=self.port)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connections.serve, sock=self._socket, limit=MAX_REQUEST_BYTES)
        await self._stop.wait()
        server.close()
        self._connections.close()


def _listening(host: str, port: int) -> socket.socket:
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
        0
    ]
    made = socket.socket(family, kind, proto)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(MAX_CONNECTIONS)
    except OSError:
        made.close()
        raise
    return made


class _Connections:
    """The open connections; used by the server's thread."""

    def __init__(self, health: Health, registry: Collector, timeout_s: float) -> None:
        self._health = health
        self._handler = _Handler.factory(registry)
        self._timeout_s = timeout_s
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads one request, responds, and closes the connection."""
        if len(self._open) >= MAX_CONNECTIONS:
            oldest = next(iter(self._open))
            oldest.transport.abort()
            del self._open[oldest]
        self._open[writer] = None
        try:
            async with asyncio.timeout(self._timeout_s):
                request = await _read_head(reader)
                if request and not writer.is_closing():
                    writer.write(self._respond(request))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            _log.debug("request failed", error=repr(error))
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    def close(self) -> None:
        """Closes all connections."""
        for writer in self._open:
            writer.transport.abort()

    def _respond(self, request: bytes) -> bytes:
        if not request.endswith(_HEAD_ENDS) and len(request) >= MAX_REQUEST_BYTES:
            return b"HTTP/1.0 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"
        return self._handler(request, self._health).wfile.getvalue()  # type: ignore[no-any-return] # a BytesIO


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    """Returns a request up to its empty line; if it breaks off or is too long, the bytes so far."""
    head = b""
    while len(head) < MAX_REQUEST_BYTES and not head.endswith(_HEAD_ENDS):
        try:
            head += await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            return head + error.partial
        except asyncio.LimitOverrunError as error:
            return head + await reader.read(error.consumed)
    return head


class _Handler(MetricsHandler):
    """Handler of one request, from bytes to bytes; the library handles `/metrics`."""

    wfile: io.BytesIO

    def __init__(self, request: bytes, health: Health) -> None:
        self._health = health
        super().__init__(request, ("", 0), None)  # type: ignore[arg-type] # no socket, see `setup`

    def setup(self) -> None:
        """Redirects input and output to memory."""
        self.rfile, self.wfile = io.BytesIO(self.request), io.BytesIO()

    def finish(self) -> None:
        """Keeps the response in `wfile`."""

    def do_GET(self) -> None:  # noqa: N802 -- the library calls it by this name
        """Responds to a GET request."""
        try:
            path = urlsplit(self.path).path
        except ValueError as error:
            self._send(HTTPStatus.BAD_REQUEST, {"reason": f"not a valid request target: {error}"})
            return
        match path:
            case "/metrics":
                super().do_GET()
            case "/healthz":
                self._send_health(self._health.alive())
            case "/readyz":
                self._send_health(self._health.ready())
            case _:
                self._send(HTTPStatus.NOT_FOUND, {"paths": ["/healthz", "/readyz", "/metrics"]})

    def _send_health(self, health_status: HealthStatus) -> None:
        status = HTTPStatus.OK if health_status.ok else HTTPStatus.SERVICE_UNAVAILABLE
        self._send(status, {"status": "ok" if health_status.ok else "unavailable", "reasons": health_status.reasons})

    def _send(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Returns a name without the interpreter's version, which clients need not know."""
        return "headwater"
