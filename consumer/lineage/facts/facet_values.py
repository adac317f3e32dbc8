"""Values of facets, parsed from the registers that hold them or refer to their texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from consumer.lineage.facts.registers import Registers, is_stored
from schemas.byte_cache import ByteCache

TextOf = Callable[[str], str]
"""From a register's reference to its text."""

# By bytes: the schema of a wide table has a megabyte, and as objects several times as much.
_PARSED: ByteCache[str, Mapping[str, object]] = ByteCache(2 * 1024 * 1024)
_PARSED_FACTOR = 6


def _parsed(ref: str) -> Mapping[str, object]:
    found = _PARSED.get(ref)
    if found is None:
        read = orjson.loads(ref)
        found = _PARSED.put(ref, read if isinstance(read, dict) else {}, len(ref) * _PARSED_FACTOR)
    return found


def facet_value(facets: Registers | Mapping[str, str], key: str, text: TextOf | None = None) -> Mapping[str, object]:
    """Returns the value of a facet, as JSON; empty where it is missing, deleted, or its text is not given.

    Args:
        facets: Facets, or references of their values.
        key: The facet.
        text: From a reference to the text of a stored value.
    """
    ref = facets.ref(key) if isinstance(facets, Registers) else facets.get(key)
    if not ref:
        return {}
    if is_stored(ref):
        return _parsed(text(ref)) if text is not None else {}
    return _parsed(ref)
