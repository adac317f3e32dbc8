"""A receiver of POST requests in this process: it keeps what it gets, and answers what it is asked to."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self


class Request(NamedTuple):
    """A request; the names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes


class HttpReceiver:
    """Listens on a port of the loopback address.

    Attributes:
        requests: What came, in order, also what was answered with an error.
        answers: Status and headers of the next answers; 204 when there are none left.
        accepted: The requests that were answered with 2xx.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.accepted: list[Request] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """URL of the receiver; the path is a secret of its own, as with Slack."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/services/T0/B0/secret"

    def take(self, request: Request) -> tuple[int, dict[str, str]]:
        """Keeps a request and returns its answer."""
        with self._changed:
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else (204, {})
            if answer[0] < 300:
                self.accepted.append(request)
            self._changed.notify_all()
        return answer

    def wait_for(self, count: int, patience_s: float = 60.0) -> list[Request]:
        """Waits until so many requests were accepted."""
        with self._changed:
            there = self._changed.wait_for(lambda: len(self.accepted) >= count, patience_s)
        assert there, f"{len(self.accepted)} requests came instead of {count}"
        return list(self.accepted)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(receiver: HttpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.take(Request(headers, body))
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the library's signature
            """Logs nothing."""

    return Handler
