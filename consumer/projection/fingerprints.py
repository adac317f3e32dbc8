"""Fingerprints of projections: the ids of the projected elements, each with a checksum of its properties."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping

import orjson

from consumer.graph.facts.packed_text import pack, unpack
from consumer.graph.store import Edge, Properties


def mark(properties: Properties) -> int:
    """Returns a checksum of an element's properties."""
    return zlib.crc32(orjson.dumps(properties, option=orjson.OPT_SORT_KEYS))


def marks_of(edges: Mapping[str, Edge]) -> dict[str, int]:
    """Returns checksums of edges by id; many of a job's edges have their properties in common, as one object."""
    known: dict[int, int] = {}
    found: dict[str, int] = {}
    for id_, edge in edges.items():
        key = id(edge.properties)
        if key not in known:
            known[key] = mark(edge.properties)
        found[id_] = known[key]
    return found


def dump(marks: Mapping[str, int]) -> str:
    """Returns checksums by element, as a vertex's `elements` property has them."""
    return pack(orjson.dumps(marks, option=orjson.OPT_SORT_KEYS).decode())


def load(properties: Properties) -> dict[str, int]:
    """Returns the checksums by element in a vertex's properties."""
    return parse(str(properties.get("elements") or "{}"))


def parse(text: str) -> dict[str, int]:
    """Returns the checksums by element in a text of `dump`."""
    found: dict[str, int] = orjson.loads(unpack(text))
    return found


def fingerprint(view: object) -> str:
    """Returns a hash of what a projection shows; equal views have equal text."""
    return hashlib.blake2b(orjson.dumps(view, default=tuple), digest_size=9).hexdigest()
