"""Health and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`; what deploy/monitoring and an orchestrator read.

One thread serves all connections, so that a client that dawdles takes no thread from others. A request has a time limit
as a whole, from its connection to the last byte of its answer. One connection too many closes the oldest: a probe
sends its request at once, and is answered before it is the oldest.
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
from consumer.telemetry.health import Health, Verdict

MOST_CONNECTIONS: Final = 64
"""Connections at once; one more closes the oldest."""

PATIENCE_S: Final = 5.0
"""How long a request may take, from the connection to the end of the answer, in seconds."""

MOST_BYTES: Final = 16 * 1024
"""Bytes of a request, with its headers."""

_ENDS: Final = (b"\r\n\r\n", b"\n\n")

_log = structlog.get_logger(__name__)


class HttpServer:
    """Answers until it is closed, on a thread of its own.

    Args:
        host: Address to listen on; `0.0.0.0` or `::` for all.
        port: Port; 0 lets the system choose.
        health: Asked for `/healthz` and `/readyz`.
        registry: What `/metrics` shows.
        patience_s: How long a request may take, in seconds.

    Raises:
        UsageError: The port can't be had.
    """

    def __init__(
        self, host: str, port: int, health: Health, registry: Collector, patience_s: float = PATIENCE_S
    ) -> None:
        try:
            self._socket = _listening(host, port)
        except OSError as error:
            raise UsageError(
                f"http.port {port} of http.host {host} can't be listened on: {error.strerror or error}; set http.port"
                " to one that is free, or to 0 for none"
            ) from error
        self._connections = _Connections(health, registry, patience_s)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="headwater-http", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
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
        server = await asyncio.start_server(self._connections.serve, sock=self._socket, limit=MOST_BYTES)
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
        made.listen(MOST_CONNECTIONS)
    except OSError:
        made.close()
        raise
    return made


class _Connections:
    """The connections that are open; used by the thread of the server."""

    def __init__(self, health: Health, registry: Collector, patience_s: float) -> None:
        self._health = health
        self._handler = _Handler.factory(registry)
        self._patience_s = patience_s
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reads one request, answers it, and closes the connection."""
        if len(self._open) >= MOST_CONNECTIONS:
            oldest = next(iter(self._open))
            oldest.transport.abort()
            del self._open[oldest]
        self._open[writer] = None
        try:
            async with asyncio.timeout(self._patience_s):
                request = await _head(reader)
                if request and not writer.is_closing():
                    writer.write(self._answer(request))
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError) as error:
            _log.debug("request failed", error=repr(error))
        finally:
            self._open.pop(writer, None)
            writer.transport.abort()

    def close(self) -> None:
        """Closes all of them."""
        for writer in self._open:
            writer.transport.abort()

    def _answer(self, request: bytes) -> bytes:
        if not request.endswith(_ENDS) and len(request) >= MOST_BYTES:
            return b"HTTP/1.0 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n"
        return self._handler(request, self._health).wfile.getvalue()  # type: ignore[no-any-return] # a BytesIO


async def _head(reader: asyncio.StreamReader) -> bytes:
    """A request up to its empty line; what there is of it if it breaks off or is too long."""
    head = b""
    while len(head) < MOST_BYTES and not head.endswith(_ENDS):
        try:
            head += await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            return head + error.partial
        except asyncio.LimitOverrunError as error:
            return head + await reader.read(error.consumed)
    return head


class _Handler(MetricsHandler):
    """Finds the answer to one request, from bytes to bytes; that to `/metrics` is the library's."""

    wfile: io.BytesIO

    def __init__(self, request: bytes, health: Health) -> None:
        self._health = health
        super().__init__(request, ("", 0), None)  # type: ignore[arg-type] # there is no socket, see `setup`

    def setup(self) -> None:
        """Reads from and writes to memory."""
        self.rfile, self.wfile = io.BytesIO(self.request), io.BytesIO()

    def finish(self) -> None:
        """Leaves the answer in `wfile`."""

    def do_GET(self) -> None:  # noqa: N802 -- the library finds it by this name
        """Answers."""
        try:
            path = urlsplit(self.path).path
        except ValueError as error:
            self._send(HTTPStatus.BAD_REQUEST, {"reason": f"not a valid request target: {error}"})
            return
        match path:
            case "/metrics":
                super().do_GET()
            case "/healthz":
                self._tell(self._health.alive())
            case "/readyz":
                self._tell(self._health.ready())
            case _:
                self._send(HTTPStatus.NOT_FOUND, {"paths": ["/healthz", "/readyz", "/metrics"]})

    def _tell(self, verdict: Verdict) -> None:
        status = HTTPStatus.OK if verdict.ok else HTTPStatus.SERVICE_UNAVAILABLE
        self._send(status, {"status": "ok" if verdict.ok else "unavailable", "reasons": verdict.reasons})

    def _send(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """Without the interpreter's version, which is nobody's business."""
        return "headwater"
