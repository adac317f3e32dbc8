"""The assistant's tools over HTTP, at `/mcp`: streamable HTTP of both eras of the protocol, without sessions."""

from __future__ import annotations

from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette

from consumer.mcp.reader import Reader
from consumer.mcp.server import server_on
from consumer.query.catalog.fresh_index import FreshIndex

PATH = "/mcp"

MOST_BYTES = 256 * 1024
"""Bytes of a request: a call of a tool has names and numbers."""


def http_app(reader: Reader, index: FreshIndex) -> Starlette:
    """Builds the application; it answers at `/mcp`, and its lifespan has to run.

    Any of several replicas may answer any request, so there are no sessions. Who may ask, and from which names and
    pages, is decided before a request gets here.

    Args:
        reader: Runs queries, within the bounds of the server that this is a part of.
        index: The search index of that server.
    """
    return server_on(reader, index).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        max_request_body_size=MOST_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
