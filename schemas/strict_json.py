"""Strict JSON parsing: finds values that parsers accept and a graph does not, in bounded time and memory.

A fault has a path, and the caller decides which part to remove; documents that are doubtful as a whole are rejected
here, as are invalid JSON and invalid UTF-8. orjson rejects whole documents for NaN, for numbers beyond a float, and for
lone surrogates, all of which other serializers write: such a document is parsed again, more slowly. orjson accepts NUL
characters, duplicate keys, deep nesting, and integers beyond 64 bits, which become floats. Searching each document for
these would cost a multiple of parsing it, so a cheap test without false negatives comes first; only suspect documents
are searched.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from schemas.counted import counted
from schemas.errors import RejectedEvent
from schemas.json_path import join

MAX_BYTES = 8 * 1024 * 1024
"""Maximum size of a document in bytes: the largest record of brokers with a generous `message.max.bytes`."""

MAX_DEPTH = 64
"""Maximum depth of nested objects and arrays, counting the document itself."""

MAX_FAULTS = 100
"""Maximum number of reported faults; a document with more is rejected."""

MAX_VALUES = 300_000
"""Maximum number of objects, arrays, strings, numbers, booleans and nulls in a document.

A Python object takes about a hundred bytes, however short its text: 8 MB of `[]` would take 240 MB. A schema of 10,000
columns has 50,000 values, and column lineage with 16,000 sources has 160,000.
"""

MIN_INTEGER = -(1 << 63)
MAX_INTEGER = (1 << 64) - 1
"""The range of signed and unsigned 64-bit integers."""

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_STEP = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_CONTAINERS = frozenset({dict, list})
_LONGEST_INTEGER = 21


_MAY_BE_SALVAGED = re.compile(rb"NaN|Infinity|\\u[dD][89a-fA-F]|[0-9][eE]\+?[0-9]{3}|(?<![0-9])[0-9]{300}")
"""Values for which orjson rejects a document: no number, a number beyond a float, half of a character."""


Step = str | int
"""A key of an object, or an index of an array."""


class Fault(NamedTuple):
    """A value in a document that a graph can't store.

    Attributes:
        steps: Keys and indexes that lead from the document to the value.
        reason: Description of the error.
    """

    steps: tuple[Step, ...]
    reason: str


def parse(data: bytes) -> tuple[object, list[Fault]]:
    """Parses a JSON document; returns its value and its faults.

    A duplicate key with equal values is unambiguous, so it is not a fault.

    Raises:
        RejectedEvent: The document is too large, invalid, nested too deep, or has too many faults.
    """
    if len(data) > MAX_BYTES:
        raise RejectedEvent("$", f"the document has {len(data)} bytes; an event may have at most {MAX_BYTES}")
    data = data.removeprefix(_BOM)
    # Each value has at least one byte, and most documents are small.
    if len(data) > MAX_VALUES and most_values(data) > MAX_VALUES and (count := _count_values(data)) > MAX_VALUES:
        raise RejectedEvent("$", f"the document has {count} values; an event may have at most {MAX_VALUES}")
    try:
        document: object = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _salvaged(data, error)
    if not _is_suspect(data, document):
        return document, []
    del document  # frees memory before the second parse
    faults = check(_parse_exactly(data))
    return orjson.loads(data), faults


def _salvaged(data: bytes, error: orjson.JSONDecodeError) -> tuple[object, list[Fault]]:
    """Returns the value and the faults of a document that orjson rejects, if it is JSON but for some values.

    Raises:
        RejectedEvent: It is not.
    """
    if _MAY_BE_SALVAGED.search(data) is not None:
        try:
            exact = _parse_exactly(data)
        except ValueError:
            pass
        else:
            return _without_pairs(exact), check(exact)
    raise RejectedEvent("$", f"the document is not valid JSON: {_advice(data) or error}") from None


def _advice(data: bytes) -> str:
    """Returns what is wrong with a text that is no object, such as a line of a log; the parser guesses a literal."""
    text = data.lstrip()
    if not text or text.startswith((b"{", b"[")):
        return ""
    return f"an event begins with a brace, and this with {text[:20].decode('utf-8', 'replace')!a}"


def _without_pairs(value: object) -> object:
    """Returns a value with dictionaries in place of objects that may have a key twice; the last one counts."""
    if isinstance(value, _Pairs):
        return {key: _without_pairs(member) for key, member in value}
    return [_without_pairs(item) for item in value] if isinstance(value, list) else value


def most_values(data: bytes) -> int:
    """Returns an upper bound on the number of values of a JSON document, without parsing it.

    Each value but the first of a container follows a comma, and the first one follows a bracket. Those in strings are
    counted too.
    """
    return 1 + data.count(b",") + data.count(b"[") + data.count(b"{")


def parsed_bytes(data: bytes) -> int:
    """Estimates the memory that the objects of a JSON document take in bytes, without parsing it."""
    return len(data) + 48 * data.count(b",") + 64 * data.count(b"[") + 200 * data.count(b"{")


def _count_values(data: bytes) -> int:
    """Counts the values of a JSON document; containers with blanks only count as one too many.

    Slower than `most_values`. Works in steps, because splitting a whole document would take the memory that this
    limits.
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
        RejectedEvent: The document has values of other types than JSON's, is nested too deep, or has too many faults.
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
    """True if a document that orjson has parsed may have a fault; False is certain.

    Duplicate keys: a colon follows every key, and all other colons are in strings. So a document that is serialized
    again has as many colons, unless a duplicate key was dropped, or a colon was escaped (as `u003a`).
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
    """True if a document is nested too deep, or has a float that may stand for an integer beyond 64 bits."""
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
    """A JSON object with all its keys, including duplicates."""


def _parse_exactly(data: bytes) -> object:
    """Parses a document with duplicate keys and integers of any size; several times slower than orjson."""
    try:
        # As text, since bytes may be taken for UTF-16.
        parsed: object = json.loads(data.decode(), object_pairs_hook=_Pairs, parse_int=_integer)
    except RecursionError:
        raise RejectedEvent("$", f"the document nests deeper than {MAX_DEPTH} levels") from None
    return parsed


def _integer(text: str) -> int:
    """Parses an integer; a very long one, which Python parses slowly, becomes the smallest invalid one."""
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
                _found(faults, path, f"{value} is not a JSON number")
        case _:
            raise RejectedEvent(join("$", path), f"a {type(value).__name__} is not a JSON value")


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
            _found(faults, path, f"the key is duplicated with different values: {_kind(seen[key])}, and {_kind(value)}")
        seen[key] = value
        path.pop()


def _kind(value: object) -> str:
    """Describes a value without quoting it: it may be long, and it may be a secret."""
    match value:
        case dict() | _Pairs():
            return f"an object of {counted(len(value), 'key')}"
        case list():
            return f"an array of {counted(len(value), 'item')}"
        case str():
            return f"a string of {counted(len(value), 'character')}"
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
    return "a number"


def _equal(one: object, other: object) -> bool:
    """True if two checked values are equal JSON, regardless of the order of keys."""
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
        _found(faults, path, "the string has a NUL character, which the graph can't store")
    if not text.isascii() and _LONE_SURROGATE.search(text) is not None:
        _found(faults, path, "the string has a lone surrogate, which is not a character")
