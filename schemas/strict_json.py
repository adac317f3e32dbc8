"""JSON, strictly: what parsers let pass and a graph can't take is refused, in bounded time and memory.

orjson refuses what is no JSON, invalid UTF-8, NaN and lone surrogates by itself. Not so NUL characters, duplicate keys,
deep nesting, and integers beyond 64 bits, which it turns into floats. Looking for those one by one would cost a
multiple of the parsing, so a cheap test that can't miss one goes first; only what it suspects is walked, to find the
place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import orjson

from schemas.errors import RejectedEvent
from schemas.paths import join

MAX_BYTES = 8 * 1024 * 1024
"""The largest document, in bytes: what Kafka brokers with a generous `message.max.bytes` carry."""

MAX_DEPTH = 64
"""The most levels of nested objects and arrays; the document itself is the first."""

MAX_VALUES = 300_000
"""The most objects, arrays, strings, numbers, booleans and nulls of a document, together.

An object of Python takes some hundred bytes, whatever its text: 8 MB of `[]` would be 240 MB. A schema of 10,000
columns has 50,000 values, and column lineage with 16,000 sources has 160,000.
"""

MIN_INTEGER = -(1 << 63)
MAX_INTEGER = (1 << 64) - 1
"""What is written in 64 bits, signed or not."""

_STEP = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_CONTAINERS = frozenset({dict, list})
_LONGEST_INTEGER = 21


def parse(data: bytes) -> object:
    """The value of a JSON document.

    Raises:
        RejectedEvent: It is too large, no JSON, or holds one of the things that are refused; with the first one's path.
    """
    if len(data) > MAX_BYTES:
        raise RejectedEvent("$", f"the document has {len(data)} bytes; an event may have at most {MAX_BYTES}")
    data = data.removeprefix(_BOM)
    # Each value has a byte at least, and most documents are small.
    if len(data) > MAX_VALUES and most_values(data) > MAX_VALUES and (count := _count_values(data)) > MAX_VALUES:
        raise RejectedEvent("$", f"the document has {count} values; an event may have at most {MAX_VALUES}")
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise RejectedEvent("$", f"the document is no JSON: {error}") from None
    if _is_suspect(data, document):
        del document  # or there are two of them at once
        check(_parse_exactly(data))
        document = orjson.loads(data)
    return document


def most_values(data: bytes) -> int:
    """An upper bound on the values of a JSON document, without parsing it; what is in strings counts too.

    Every value but the first of a container follows a comma, and the first one follows a bracket.
    """
    return 1 + data.count(b",") + data.count(b"[") + data.count(b"{")


def parsed_bytes(data: bytes) -> int:
    """About how many bytes the objects of a JSON document take, without parsing it."""
    return len(data) + 48 * data.count(b",") + 64 * data.count(b"[") + 200 * data.count(b"{")


def _count_values(data: bytes) -> int:
    """The values of a JSON document; more only if there are blanks in empty containers. Slower than `most_values`.

    Step by step, as the pieces between the strings of a whole document would be what this is to prevent.
    """
    data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    count, within = 1, False
    for at in range(0, len(data), _STEP):
        pieces = data[at : at + _STEP].split(b'"')
        outside = b'"'.join(pieces[within::2])
        count += most_values(outside) - 1 - outside.count(b"[]") - outside.count(b"{}")
        within ^= len(pieces) % 2 == 0
    return count


def check(document: object) -> None:
    """Refuses a parsed document that holds what is refused.

    Raises:
        RejectedEvent: With the path of the first such thing.
    """
    _check(document, [])


def _is_suspect(data: bytes, document: object) -> bool:
    """Whether something refused may be in a document that orjson has parsed; False is certain.

    Duplicate keys: every key has a colon after it, and every other colon is inside a string. So a document that is
    written again has the same colons, unless a key was dropped with its value, or a colon was escaped (as `u003a`).
    """
    escapes = b"\\u00" in data
    if escapes and (b"\\u0000" in data or b"\\u003a" in data or b"\\u003A" in data):
        return True
    try:
        written = orjson.dumps(document)
    except orjson.JSONEncodeError:  # Nested deeper than orjson writes, which is deeper than MAX_DEPTH.
        return True
    return data.count(b":") != written.count(b":") or _is_deep_or_large(document)


def _is_deep_or_large(document: object) -> bool:
    """Whether a document nests too deep, or holds a float as large as an integer beyond 64 bits would be made."""
    level = [document]
    for _ in range(MAX_DEPTH):
        values: list[object] = []
        for container in level:
            if type(container) is dict:
                values += container.values()
            elif type(container) is list:
                values += container
        kinds = set(map(type, values))
        if float in kinds and any(type(value) is float and not -(2.0**63) < value < 2.0**64 for value in values):
            return True
        if kinds.isdisjoint(_CONTAINERS):
            return False
        level = [value for value in values if type(value) in _CONTAINERS]
    return True


class _Pairs(list[tuple[str, object]]):
    """A JSON object with all its keys, the repeated ones too."""


def _parse_exactly(data: bytes) -> object:
    """The document with repeated keys kept and integers of any size; several times slower than orjson."""
    try:
        parsed: object = json.loads(data, object_pairs_hook=_Pairs, parse_int=_integer)
    except RecursionError:
        raise RejectedEvent("$", f"the document nests deeper than {MAX_DEPTH} levels") from None
    return parsed


def _integer(text: str) -> int:
    """An integer, or one that is too large in place of a much larger one, which Python would take long to read."""
    return int(text) if len(text) <= _LONGEST_INTEGER else MAX_INTEGER + 1


def _check(value: object, path: list[str | int]) -> None:
    match value:
        case dict() | _Pairs() | list():
            if len(path) >= MAX_DEPTH:
                raise RejectedEvent(join("$", path[:8]) + "...", f"the document nests deeper than {MAX_DEPTH} levels")
            _check_members(value, path)
        case str():
            _check_text(value, path)
        case bool() | None:
            pass
        case int():
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                raise RejectedEvent(join("$", path), "the integer does not fit into 64 bits")
        case float():
            if not math.isfinite(value):
                raise RejectedEvent(join("$", path), f"{value} is no JSON number")
        case _:
            raise RejectedEvent(join("$", path), f"a {type(value).__name__} is no JSON value")


def _check_members(container: dict[Any, Any] | list[Any], path: list[str | int]) -> None:
    keyed = isinstance(container, dict | _Pairs)
    seen: set[object] = set()
    for key, value in _members(container):
        path.append(key if isinstance(key, str | int) else repr(key))
        if keyed:
            if not isinstance(key, str):
                raise RejectedEvent(join("$", path), "an object's key must be a string")
            _check_text(key, path)
            if key in seen:
                raise RejectedEvent(join("$", path), "the key is there twice; which of the two is meant can't be told")
            seen.add(key)
        _check(value, path)
        path.pop()


def _members(container: dict[Any, Any] | list[Any]) -> Iterable[tuple[object, object]]:
    if isinstance(container, dict):
        return container.items()
    return container if isinstance(container, _Pairs) else enumerate(container)


def _check_text(text: str, path: list[str | int]) -> None:
    if "\0" in text:
        raise RejectedEvent(join("$", path), "a string holds a NUL character, which the graph does not take")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RejectedEvent(join("$", path), "a string holds half of a surrogate pair, which is no character") from None
