"""Health and metrics over HTTP: `/healthz`, `/readyz`, `/metrics`; what deploy/monitoring and an orchestrator read."""

from __future__ import annotations

import json
import socket
import threading
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import structlog
from prometheus_client import MetricsHandler
from prometheus_client.registry import Collector

from consumer.errors import UsageError
from consumer.telemetry.health import Health, Verdict

MOST_REQUESTS: Final = 16
"""Requests at once; more are turned away, so that nobody fills the process with threads."""

PATIENCE_S: Final = 5.0
"""How long a client may be silent, in seconds."""

_log = structlog.get_logger(__name__)


class HttpServer:
    """Answers until it is closed, on a thread of its own.

    Args:
        host: Address to listen on; `0.0.0.0` or `::` for all.
        port: Port; 0 lets the system choose.
        health: Asked for `/healthz` and `/readyz`.
        registry: What `/metrics` shows.

    Raises:
        UsageError: The port can't be had.
    """

    def __init__(self, host: str, port: int, health: Health, registry: Collector) -> None:
        try:
            self._server = _Server(host, port, health, registry)
        except OSError as error:
            raise UsageError(
                f"http.port {port} of http.host {host} can't be listened on: {error.strerror or error}; set http.port"
                " to one that is free, or to 0 for none"
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="headwater-http", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        _log.info("listening for health checks and Prometheus", host=self._server.server_address[0], port=self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """A thread for each request, of a bounded number; a client that dawdles does not keep the process from ending."""

    daemon_threads = True

    def __init__(self, host: str, port: int, health: Health, registry: Collector) -> None:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        self.health = health
        self._free = threading.BoundedSemaphore(MOST_REQUESTS)
        super().__init__(found[0][4][:2], _Handler.factory(registry))  # type: ignore[arg-type] # a host is a string here

    def server_bind(self) -> None:
        """Without the library's look-up of the host's name, which may take seconds and is not needed."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Starts a thread for a request if there is one to be had."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Runs on the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the library's signature
        """A client that goes away is no news."""
        _log.debug("a request failed", client=client_address[0], exc_info=True)


class _Handler(MetricsHandler):
    """Finds the answer to a path; that to `/metrics` is the library's."""

    timeout = PATIENCE_S
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 -- the library finds it by this name
        """Answers."""
        health = self.server.health
        match urlsplit(self.path).path:
            case "/metrics":
                super().do_GET()
            case "/healthz":
                self._tell(health.alive())
            case "/readyz":
                self._tell(health.ready())
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
