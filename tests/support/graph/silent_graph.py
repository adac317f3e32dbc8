"""A graph that falls silent: it takes connections, as a load balancer does or a dying instance, and says nothing."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Self

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What RFC 6455 has a server add to a key."""


class SilentGraph:
    """A listener on loopback; as a context it listens within.

    Args:
        greets: Whether it answers the upgrade to a WebSocket, and is silent only then.
        backend: Port of a Gremlin Server to which it forwards until `hush`; it is silent at once if there is none.

    Attributes:
        url: Its graph URL.
        asked: Set when something has come that will not be answered, be it only a connection.
    """

    def __init__(self, *, greets: bool, backend: int | None = None) -> None:
        self.asked = threading.Event()
        self._greets = greets
        self._backend = backend
        self._hushed = threading.Event()
        self._held = ExitStack()
        self._listener = self._held.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/gremlin"
        if backend is None:
            self._hushed.set()

    def hush(self) -> None:
        """Falls silent; what is under way is not answered any more."""
        self._hushed.set()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # A socket that a thread waits on is not closed by closing it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._held.close()

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._held.callback(client.close)
                if self._backend is None or self._hushed.is_set():
                    self._start(self._be_silent, client)
                    continue
                server = socket.create_connection(("127.0.0.1", self._backend))
                self._held.callback(server.close)
                self._start(self._pump, client, server)
                self._start(self._pump, server, client)

    def _be_silent(self, client: socket.socket) -> None:
        with suppress(OSError):
            if not self._greets:
                self.asked.set()
                return
            request = b""
            while b"\r\n\r\n" not in request:
                request += client.recv(65536)
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", request)
            assert key, f"no upgrade: {request!r}"
            accept = base64.b64encode(hashlib.sha1(key[1] + _MAGIC, usedforsecurity=False).digest())
            client.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            if client.recv(1):
                self.asked.set()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self._hushed.is_set():
                    self.asked.set()
                    continue
                sink.sendall(data)
            if not self._hushed.is_set():
                sink.shutdown(socket.SHUT_WR)
