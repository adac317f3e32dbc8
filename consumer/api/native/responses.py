"""Responses of the API with their ETag: documents as JSON, and other bodies."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response


def answered(request: Request, document: dict[str, Any]) -> Response:
    """Returns a document as JSON, with its ETag."""
    return tagged(request, orjson.dumps(document, default=tuple, option=orjson.OPT_SORT_KEYS), "application/json")


def tagged(request: Request, data: bytes, kind: str) -> Response:
    """Returns a body with its ETag; 304 if the client has it already."""
    etag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(data, 200, headers, kind)


def _has(known: str, etag: str) -> bool:
    """True if If-None-Match names an ETag; compared weakly, as a proxy that compresses answers makes it weak."""
    return bool({"*", etag} & {one.strip().removeprefix("W/") for one in known.split(",")})
