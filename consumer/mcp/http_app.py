"""The assistant's tools over HTTP, at `/mcp`: streamable HTTP of both eras of the protocol, without sessions."""

from __future__ import annotations

from collections.abc import Callable

from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette

from consumer.graph.store import GraphStore
from consumer.mcp.server import server

PATH = "/mcp"

MOST_BYTES = 256 * 1024
"""Bytes of a request: a call of a tool has names and numbers."""


def http_app(open_store: Callable[[], GraphStore]) -> Starlette:
    """Builds the application; it answers at `/mcp`, and its lifespan has to run.

    Any of several replicas may answer any request, so there are no sessions. Who may ask, and from which names and
    pages, is decided before a request gets here.

    Args:
        open_store: Opens the graph for reading; called on several threads.
    """
    return server(open_store).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
