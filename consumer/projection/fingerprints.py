"""Fingerprints of projections: the ids of the projected elements, each with a checksum of its properties."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping

import orjson

from consumer.graph.store import Properties


def mark(properties: Properties) -> int:
    """Returns a checksum of an element's properties."""
    return zlib.crc32(orjson.dumps(properties, option=orjson.OPT_SORT_KEYS))


def dump(marks: Mapping[str, int]) -> str:
    """Checksums by element, as a vertex's `elements` property has them."""
    return orjson.dumps(marks, option=orjson.OPT_SORT_KEYS).decode()


def load(properties: Properties) -> dict[str, int]:
    """Returns the checksums by element in a vertex's properties."""
    found: dict[str, int] = orjson.loads(str(properties.get("elements") or "{}"))
    return found


def fingerprint(view: object) -> str:
    """Returns a hash of what a projection shows; equal views have equal text."""
    return hashlib.blake2b(orjson.dumps(view, default=tuple), digest_size=9).hexdigest()
