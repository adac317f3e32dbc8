"""Requests to an ASGI application without a server, byte for byte as given: also those that no client would send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

Header = tuple[bytes, bytes]


class Sent(NamedTuple):
    """A request.

    Attributes:
        method: Its method.
        raw_path: Its path, percent-encoded.
        query: Its query string, percent-encoded.
        headers: Its headers; names in lower case.
        body: Its body, in pieces.
    """

    method: str
    raw_path: bytes
    query: bytes = b""
    headers: Sequence[Header] = ()
    body: Sequence[bytes] = (b"",)


class Answer(NamedTuple):
    """An answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def send(app: ASGIApp, sent: Sent) -> Answer:
    """Sends a request as uvicorn would hand it on, and returns the answer."""
    waiting = list(sent.body)
    found: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            return {"type": "http.disconnect"}
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def answer(message: Message) -> None:
        found.append(message)

    await app(_scope(sent), receive, answer)
    start = next(message for message in found if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in found if message["type"] == "http.response.body")
    return Answer(start["status"], dict(start["headers"]), body)


def _scope(sent: Sent) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "path": unquote(sent.raw_path.decode("ascii")),
        "raw_path": sent.raw_path,
        "query_string": sent.query,
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *sent.headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 5000),
        "state": {},
    }


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[None]:
    """The lifespan of an application, by ASGI's protocol."""
    asked, told = asyncio.Queue[Message](), asyncio.Queue[Message]()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.ensure_future(app(scope, asked.get, told.put))
    await asked.put({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        assert (await told.get())["type"] == "lifespan.shutdown.complete"
        await task
