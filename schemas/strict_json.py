"""JSON, strictly: what parsers let pass and a graph can't take is found, in bounded time and memory.

What has a place is a fault of that place, and the caller decides what it costs; what makes the whole document doubtful
is refused here. orjson refuses what is no JSON, invalid UTF-8, NaN and lone surrogates by itself. Not so NUL
characters, duplicate keys, deep nesting, and integers beyond 64 bits, which it turns into floats. Looking for those one
by one would cost a multiple of the parsing, so a cheap test that can't miss one goes first; only what it suspects is
walked, to find the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from schemas.errors import RejectedEvent
from schemas.json_path import join

MAX_BYTES = 8 * 1024 * 1024
"""The largest document, in bytes: what Kafka brokers with a generous `message.max.bytes` carry."""

MAX_DEPTH = 64
"""The most levels of nested objects and arrays; the document itself is the first."""

MAX_FAULTS = 100
"""The most faults that are told one by one; a document with more is refused."""

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


Step = str | int
"""A key of an object, or an index of an array."""


class Fault(NamedTuple):
    """Something in a document that a graph can't take.

    Attributes:
        steps: Where it is, from the document on.
        reason: What is wrong with it, in words.
    """

    steps: tuple[Step, ...]
    reason: str


def parse(data: bytes) -> tuple[object, list[Fault]]:
    """Returns the value of a JSON document, and the faults in it.

    Of a key that stands twice with equal values nothing is in doubt, so that is no fault.

    Raises:
        RejectedEvent: It is too large, no JSON, nests too deep, or has too many faults.
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
    if not _is_suspect(data, document):
        return document, []
    del document  # or there are two of them at once
    faults = check(_parse_exactly(data))
    return orjson.loads(data), faults


def most_values(data: bytes) -> int:
    """Returns an upper bound on the values of a JSON document, without parsing it; what is in strings counts too.

    Every value but the first of a container follows a comma, and the first one follows a bracket.
    """
    return 1 + data.count(b",") + data.count(b"[") + data.count(b"{")


def parsed_bytes(data: bytes) -> int:
    """About how many bytes the objects of a JSON document take, without parsing it."""
    return len(data) + 48 * data.count(b",") + 64 * data.count(b"[") + 200 * data.count(b"{")


def _count_values(data: bytes) -> int:
    """Counts the values of a JSON document; too many only for blanks in empty containers. Slower than `most_values`.

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


def check(document: object) -> list[Fault]:
    """Returns the faults of a parsed document.

    Raises:
        RejectedEvent: It holds what no JSON parser gives, nests too deep, or has too many faults.
    """
    faults: list[Fault] = []
    _check(document, [], faults)
    return faults


def _found(faults: list[Fault], path: list[Step], reason: str) -> None:
    if len(faults) >= MAX_FAULTS:
        raise RejectedEvent(join("$", path), f"{reason}; the document has more than {MAX_FAULTS} such faults")
    faults.append(Fault(tuple(path), reason))


def parse_plain(data: bytes, above: int) -> object:
    """Returns the value of a part of a document, if it is surely without faults.

    Args:
        data: The part's bytes, cut out of a document that is not too large.
        above: How many levels of the document the part is in.

    Returns:
        None where a fault may be; `parse` of the whole document then finds out.
    """
    try:
        value: object = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return None if _is_suspect(data, value, MAX_DEPTH - above) else value


def _is_suspect(data: bytes, document: object, most_levels: int = MAX_DEPTH) -> bool:
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
    return data.count(b":") != written.count(b":") or _is_deep_or_large(document, most_levels)


def _is_deep_or_large(document: object, most_levels: int) -> bool:
    """Whether a document nests too deep, or holds a float as large as an integer beyond 64 bits would be made."""
    level = [document]
    for _ in range(most_levels):
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
    """Returns the document with repeated keys kept and integers of any size; several times slower than orjson."""
    try:
        parsed: object = json.loads(data, object_pairs_hook=_Pairs, parse_int=_integer)
    except RecursionError:
        raise RejectedEvent("$", f"the document nests deeper than {MAX_DEPTH} levels") from None
    return parsed


def _integer(text: str) -> int:
    """Returns an integer, or a too large one in place of a much larger one that Python parses slowly."""
    return int(text) if len(text) <= _LONGEST_INTEGER else MAX_INTEGER + 1


def _check(value: object, path: list[Step], faults: list[Fault]) -> None:
    match value:
        case dict() | _Pairs() | list():
            if len(path) >= MAX_DEPTH:
                raise RejectedEvent(join("$", path[:8]) + "...", f"the document nests deeper than {MAX_DEPTH} levels")
            _check_members(value, path, faults)
        case str():
            _check_text(value, path, faults)
        case bool() | None:
            pass
        case int():
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                _found(faults, path, "the integer does not fit into 64 bits")
        case float():
            if not math.isfinite(value):
                raise RejectedEvent(join("$", path), f"{value} is no JSON number")
        case _:
            raise RejectedEvent(join("$", path), f"a {type(value).__name__} is no JSON value")


def _check_members(container: dict[Any, Any] | list[Any], path: list[Step], faults: list[Fault]) -> None:
    keyed = isinstance(container, dict | _Pairs)
    seen: dict[object, object] = {}
    for key, value in _members(container):
        path.append(key if isinstance(key, str | int) else repr(key))
        if keyed:
            if not isinstance(key, str):
                raise RejectedEvent(join("$", path), "an object's key must be a string")
            _check_text(key, path, faults)
        _check(value, path, faults)
        if keyed and key in seen and not _equal(seen[key], value):
            _found(faults, path, "the key is there twice, with two values; which of them is meant is not known")
        seen[key] = value
        path.pop()


def _equal(one: object, other: object) -> bool:
    """True if two checked values are the same JSON; the order of keys does not matter."""
    if type(one) is not type(other):
        return False
    if isinstance(one, _Pairs) and isinstance(other, _Pairs):
        left, right = dict(one), dict(other)
        return left.keys() == right.keys() and all(_equal(value, right[key]) for key, value in left.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other and str(one) == str(other)  # 0.0 equals -0.0 but is not the same.


def _members(container: dict[Any, Any] | list[Any]) -> Iterable[tuple[object, object]]:
    if isinstance(container, dict):
        return container.items()
    return container if isinstance(container, _Pairs) else enumerate(container)


def _check_text(text: str, path: list[Step], faults: list[Fault]) -> None:
    if "\0" in text:
        _found(faults, path, "a string holds a NUL character, which the graph does not take")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RejectedEvent(join("$", path), "a string holds half of a surrogate pair, which is no character") from None
