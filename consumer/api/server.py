"""The server process: listens, and ends in order at SIGTERM and SIGINT."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from consumer.api.access.configured import access_of
from consumer.api.app import DRAIN_S, Parts, application
from consumer.api.listening import BACKLOG, listen
from consumer.api.prompt_protocol import PromptProtocol
from consumer.config.settings import ServeSettings

MOST_OF_A_HEAD = 64 * 1024
"""Bytes of a request before its body."""


class Server(uvicorn.Server):
    """A server that ends with 0 after SIGTERM; uvicorn would raise the signal again.

    Attributes:
        stopped_by: The signal's name; empty if there was none.
    """

    stopped_by = ""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Asks the server to stop at SIGTERM and SIGINT."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, number: int, frame: object) -> None:  # noqa: ARG002 -- the signature of signal handlers
        self.stopped_by = signal.Signals(number).name
        self.should_exit = True


def run(app: ASGIApp, options: ServeSettings, sockets: Sequence[socket.socket]) -> str:
    """Serves on listening sockets until a signal, and closes them; returns the signal's name."""
    server = Server(
        uvicorn.Config(
            app,
            backlog=BACKLOG,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(DRAIN_S),
            limit_concurrency=options.max_connections,
            http=PromptProtocol,
            h11_max_incomplete_event_size=MOST_OF_A_HEAD,
        )
    )
    server.run(list(sockets))
    return server.stopped_by


__all__ = ["Parts", "Server", "access_of", "application", "listen", "run"]
