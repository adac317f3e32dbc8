"""An application of another kind behind this server's access control."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from consumer.api.access.scopes import Access, Scope
from consumer.api.problems import Problem


class Guarded:
    """Passes requests on if their sender may read.

    Args:
        app: The application.
        access: Decides about requests.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answers a request."""
        try:
            await self._access.check(Request(scope, receive), Scope.READ)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)
