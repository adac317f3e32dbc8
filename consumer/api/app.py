"""The ASGI application: routes, error answers, security headers, limits, and an orderly end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer.api import openapi
from consumer.api.access.scopes import Access
from consumer.api.group_commit import GroupCommit
from consumer.api.ingest import Ingest
from consumer.api.marquez.routes import PREFIX as MARQUEZ
from consumer.api.marquez.routes import Marquez
from consumer.api.native.endpoints import ENDPOINTS, SEARCH
from consumer.api.native.handlers import Native
from consumer.api.native.responses import answered
from consumer.api.page import Page
from consumer.api.problems import Problem
from consumer.api.read_guard import Guarded
from consumer.api.read_threads import ReadPool
from consumer.api.receivers import Received, Receiver
from consumer.graph.store import GraphStore
from consumer.query.catalog.fresh_index import FreshIndex

DRAIN_S = 10.0
"""Seconds in which events that were received are written at the end."""

ASSISTANT = "/mcp"

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""Methods that the read API of Marquez answers itself, if only with 405 in its own shape."""

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""On each answer that does not set them itself: no browser may take it for a page. The page has a policy of its own."""

_log = structlog.get_logger(__name__)


class _NameConvertor(PathConvertor):
    """The rest of a path with the line breaks of names, which Starlette's own `path` ends at."""

    regex = r"[\s\S]*"


register_url_convertor("name", _NameConvertor())


@dataclass(frozen=True)
class Parts:
    """The parts of the application.

    Attributes:
        open_store: Opens the graph for reading.
        receiver: Makes events durable; None if the server takes none.
        access: Who may do what.
        threads: Threads that read the graph.
        timeout_s: Seconds until a read is answered 503.
        waiting_bytes: Bytes of events that may wait to be written.
        assistant: Makes what answers at `/mcp`, from what reads the graph and the search index; None for nothing.
    """

    open_store: Callable[[], GraphStore]
    receiver: Receiver | None
    access: Access
    threads: int = 8
    timeout_s: float = 30.0
    waiting_bytes: int = 64 * 1024 * 1024
    assistant: Callable[[ReadPool, FreshIndex], Starlette] | None = None


class Metrics:
    """Metrics of requests, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "headwater_http_requests", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "headwater_http_request_seconds", "Seconds until the answer.", ("route",), registry=self.registry
        )


def application(parts: Parts) -> ASGIApp:
    """Builds the application."""
    metrics = Metrics()
    pool = ReadPool(parts.open_store, parts.threads, parts.timeout_s)
    index = FreshIndex(parts.open_store)
    native = Native(pool, index, parts.access)
    commit = GroupCommit(parts.receiver.write, parts.waiting_bytes) if parts.receiver is not None else None
    routes = [
        Route("/healthz", _healthy, methods=["GET"]),
        Route("/readyz", _readiness(pool), methods=["GET"]),
        Route("/metrics", _metrics(metrics), methods=["GET"]),
        Route(f"{openapi.PREFIX}/openapi.json", _openapi, methods=["GET"]),
        Route(f"{openapi.PREFIX}{SEARCH[0]}", native.search, methods=["GET"]),
        *(Route(f"{openapi.PREFIX}{one.path}", native.handler(one), methods=["GET"]) for one in ENDPOINTS),
        *Page(pool, index, parts.access).routes,
    ]
    if commit is not None:
        ingest = Ingest(commit, parts.access)
        routes += [
            Route("/api/v1/lineage", ingest.one, methods=["POST"]),
            Route("/api/v1/lineage/batch", ingest.many, methods=["POST"]),
        ]
    marquez = Marquez(pool, parts.access, takes_events=commit is not None)
    routes.append(Route(f"{MARQUEZ}/{{rest:name}}", marquez.handle, methods=METHODS))

    assistant = parts.assistant(pool, index) if parts.assistant is not None else None
    if assistant is not None:
        # Without sessions nothing ever comes on the stream that GET would open, and it would hold its connection.
        routes.append(Route(ASSISTANT, Guarded(assistant, parts.access), methods=["POST"]))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with _running(assistant):
            yield
        await asyncio.to_thread(_end, pool, commit, parts.receiver)

    app = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers={Problem: _problem, 404: _unknown, 405: _unknown}
    )
    return _Observed(app, metrics)


def _running(app: Starlette | None) -> AbstractAsyncContextManager[Any]:
    """Returns the lifespan of an application that this one passes requests to."""
    return nullcontext() if app is None else app.router.lifespan_context(app)


def _end(pool: ReadPool, commit: GroupCommit[Received] | None, receiver: Receiver | None) -> None:
    if commit is not None and not commit.close(DRAIN_S):
        _log.warning("events left unwritten", waiting=commit.waiting)
    if receiver is not None:
        receiver.close()
    pool.close()


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _readiness(pool: ReadPool) -> Callable[[Request], Any]:
    async def ready(_: Request) -> Response:
        await pool.run(lambda store: store.read(["headwater:probe"]))
        return PlainTextResponse("ok\n")

    return ready


def _metrics(metrics: Metrics) -> Callable[[Request], Any]:
    async def show(_: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type="text/plain; version=0.0.4")

    return show


async def _openapi(request: Request) -> Response:
    return answered(request, openapi.document())


async def _problem(_: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, Problem) else Problem(500, "internal error").response()


async def _unknown(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    message = (
        f"{request.method} is not allowed here"
        if status == HTTPStatus.METHOD_NOT_ALLOWED
        else f"there is nothing at {request.url.path}"
    )
    return Problem(status, message, headers=getattr(error, "headers", None)).response()


class _Observed:
    """Counts requests, adds security headers, and answers a fault with 500 in the API's shape."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        started = False

        async def answer(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                message = {**message, "headers": _secured(message.get("headers", ()))}
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception:  # noqa: BLE001 -- the top of a request
            _log.exception("request failed", path=scope["path"], method=scope["method"])
            if not started:
                await Problem(500, "internal error; the server's log has it").response()(scope, receive, answer)
        finally:
            route = _route(scope)
            self._metrics.requests.labels(route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)


def _secured(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    own = list(headers)
    names = {name for name, _ in own}
    return own + [header for header in HEADERS if header[0] not in names]


def _route(scope: Scope) -> str:
    """Returns the route's path, not the request's: a label must not take any number of values."""
    route = scope.get("route")
    return getattr(route, "path", "other")
