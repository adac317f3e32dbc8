"""Bodies of requests: read and decompressed up to a bound, so that no body costs more memory than that."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator

import zstandard
from starlette.requests import ClientDisconnect, Request

from consumer.api.problems import Problem
from schemas.strict_json import MAX_BYTES

_CHUNK = 64 * 1024
_ZSTD_INPUT = 256
BODY_S = 10.0
"""Seconds until a body has to be there; clients give up after five."""
JSON_TYPES = frozenset({"", "application/json", "text/json", "application/x-ndjson"})
"""Media types that are taken; some clients send none."""


async def read(request: Request, limit: int = MAX_BYTES, timeout_s: float = BODY_S) -> bytes:
    """Reads the body of a request, decompressed.

    Args:
        request: The request.
        limit: Bytes that the body may have, before and after decompression.
        timeout_s: Seconds until the body has to be there.

    Raises:
        Problem: 408 if it comes too slowly, 413 if it is longer, 415 for another media type or encoding, 400 if it
            can't be decompressed or is cut off.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise Problem(415, f"content type {kind} is not supported; send application/json")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise _too_long(limit)
    data = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                data += chunk
                if len(data) > limit:
                    raise _too_long(limit)
    except ClientDisconnect:
        raise Problem(400, "the body is cut off") from None
    except TimeoutError:
        raise Problem(408, f"the body did not come within {timeout_s:g} s") from None
    return decompressed(bytes(data), request.headers.get("content-encoding", ""), limit)


def decompressed(data: bytes, encoding: str, limit: int) -> bytes:
    """Decompresses a body.

    Args:
        data: The body as sent.
        encoding: The header Content-Encoding; empty and `identity` leave the body as it is.
        limit: Bytes that it may have afterwards.

    Raises:
        Problem: 415 for an unknown encoding, 413 if it is too long, 400 if it is damaged.
    """
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return data
    decode = {"gzip": _gunzip, "x-gzip": _gunzip, "zstd": _unzstd}.get(encoding)
    if decode is None:
        raise Problem(415, f"content encoding {encoding} is not supported; send gzip, zstd or none")
    out = bytearray()
    try:
        for piece in decode(data):
            out += piece
            if len(out) > limit:
                raise _too_long(limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as error:
        raise Problem(400, f"the body is not valid {encoding}: {error}") from None
    return bytes(out)


def _gunzip(data: bytes) -> Iterator[bytes]:
    """Yields the content of all members; RFC 1952 allows several, and what is left out would be lost with a 2xx."""
    stream = zlib.decompressobj(wbits=31)
    while data:
        if stream.eof:
            stream = zlib.decompressobj(wbits=31)
        yield stream.decompress(data, _CHUNK)
        data = stream.unconsumed_tail or stream.unused_data
    if not stream.eof:
        raise EOFError("it is cut off")


def _unzstd(data: bytes) -> Iterator[bytes]:
    """Yields the content of all frames; RFC 8878 allows several."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
    stream = decompressor.decompressobj()
    # A block of 4 bytes may be 128 KiB, so that little goes in at once. The library's reader takes a frame that is cut
    # off for a whole one (zstandard 0.25); `eof` shows it.
    for at in range(0, len(data), _ZSTD_INPUT):
        piece = data[at : at + _ZSTD_INPUT]
        while piece:
            if stream.eof:
                stream = decompressor.decompressobj()
            yield stream.decompress(piece)
            piece = stream.unused_data
    if not stream.eof:
        raise EOFError("it is cut off")


def _too_long(limit: int) -> Problem:
    return Problem(413, f"the body is longer than {limit} bytes, the most that an event may have")
