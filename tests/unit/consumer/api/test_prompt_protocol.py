"""Connections that hold a place without a request are closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from consumer.api.prompt_protocol import PromptProtocol
from tests.support.processes.server_process import free_port


@contextmanager
def serving(head_s: float) -> Iterator[int]:
    """A server with a time limit for heads."""

    class Protocol(PromptProtocol):
        pass

    Protocol.head_s = head_s
    app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("ok"))])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, http=Protocol, log_config=None, timeout_keep_alive=60))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield port
    finally:
        server.should_exit = True
        thread.join()


def _until_closed(connection: socket.socket) -> bytes:
    connection.settimeout(60)
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def test_silence_half_a_head_and_an_idle_connection_are_closed() -> None:
    """Each is closed by the server; a request before that is answered."""
    with serving(0.3) as port:
        half = b"GET / HTTP/1.1\r\nHost: a\r\n"
        for sent, answered in ((b"", 0), (half, 0), (half + b"\r\n", 1)):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(sent)
                assert _until_closed(connection).count(b"200 OK") == answered


def test_a_client_that_goes_on_is_served() -> None:
    """Many requests on one connection, also sent at once."""
    with serving(30.0) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.sendall(request * 3)
        connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert _until_closed(connection).count(b"200 OK") == 4
