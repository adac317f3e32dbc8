"""From a stream of bytes to the documents in it: JSON lines, arrays, or objects that stretch over lines.

Bounded in memory: an array is cut into its elements while it is read. A document is not parsed here, only found, so a
broken one costs itself and no other, wherever lines or brackets tell it from its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO, NamedTuple

import orjson

from schemas.decode import MAX_BYTES
from schemas.strict_json import MAX_VALUES, most_values

BOM = b"\xef\xbb\xbf"
FRAGMENT = MAX_BYTES + 1
"""Bytes that are read at once, at most: a line that does not end within them is too long for an event."""

TOO_LONG = f"the document is longer than {MAX_BYTES} bytes, which is the most that an event may have"
CUT_OFF = "the input ends within an array: its last events may be missing"

# Whole strings, so that a bracket in one counts for nothing; `open` begins one that the data at hand does not end.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|(?P<open>")', re.DOTALL)
# The rest of a string up to its last quote, or to a backslash that the data at hand does not explain.
_WITHIN = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE = b'"'
# What `bootstrap_servers: file:///...` of the emitter appends: the event follows byte for byte.
_LOGGED = re.compile(rb'\{"topic": "[^"\\]*", "key": "(?:[^"\\]|\\.)*", "timestamp": \d+, "value": (\{.*\})\}')


class Piece(NamedTuple):
    """What should be one document.

    Attributes:
        line: Where it begins, from 1.
        data: Its bytes; the first ones if it is too long.
        fault: Why it can't be one, if that is known already.
    """

    line: int
    data: bytes
    fault: str = ""


def pieces(stream: BinaryIO) -> Iterator[Piece]:
    """Yields the documents of a stream, in their order.

    An input that begins with a bracket is an array. Otherwise each line is a document, unless the first one is none and
    the second can't begin one: then documents stretch over lines.
    """
    fragments = iter(lambda: stream.readline(FRAGMENT), b"")
    head: list[bytes] = []
    told: list[bytes] = []
    for fragment in fragments:
        head.append(fragment if head else fragment.removeprefix(BOM))
        if text := head[-1].strip():
            told.append(text)
        if told and (len(told) > 1 or told[0].startswith(b"[")):
            break
    everything = chain(head, fragments)
    if told and told[0].startswith(b"["):
        yield from _cut(everything, floor=1)
    elif len(told) > 1 and not told[1].startswith(b"{") and not _is_json(told[0]):
        yield from _cut(everything, floor=0)
    else:
        yield from _lines(everything)


def _is_json(text: bytes) -> bool:
    if most_values(text) > MAX_VALUES:
        return text.endswith(b"}")  # as objects it might be many times its text
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _lines(fragments: Iterable[bytes]) -> Iterator[Piece]:
    line, within = 1, False
    for fragment in fragments:
        ends = fragment.endswith(b"\n")
        if not within and not ends and len(fragment) == FRAGMENT:
            yield Piece(line, fragment, TOO_LONG)
        elif not within and (text := fragment.strip()):
            logged = _LOGGED.fullmatch(text)
            yield Piece(line, logged[1] if logged else text)
        within = not ends
        line += ends


def _cut(fragments: Iterable[bytes], floor: int) -> Iterator[Piece]:
    cutter = _Cutter(floor)
    for fragment in fragments:
        yield from cutter.feed(fragment)
    yield from cutter.end()


class _Cutter:
    """Cuts values out of JSON text by counting the brackets outside of strings.

    Args:
        floor: How deep the values are: 1 in an array, 0 if they just follow each other.
    """

    def __init__(self, floor: int) -> None:
        self._floor = floor
        self._depth = 0
        self._line = 1
        self._value = bytearray()
        self._skipped = 0
        self._within = False
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yields the values that end in the next bytes."""
        data = self._rest + data
        self._rest = b""
        mark = 0
        place = self._string(data, 0) if self._within else 0
        for match in _TOKEN.finditer(data, place):
            place = match.start()
            if match["open"]:
                self._string(data, place + 1)
                break
            ends = self._step(data[place])
            if ends is not None:
                self._keep(data[mark : place + ends])
                yield from self._take()
                mark = place + 1
        self._keep(data[mark : len(data) - len(self._rest)])

    def end(self) -> Iterator[Piece]:
        """What is left, and what is missing, at the end of the input."""
        self._keep(self._rest)
        yield from self._take()
        if self._depth:
            yield Piece(self._line, b"", CUT_OFF)

    def _string(self, data: bytes, place: int) -> int:
        """Goes on within a string; where it ends, or the data does, but for a backslash that is not explained yet."""
        rest = _WITHIN.match(data, place)
        place = rest.end() if rest else place
        self._within = data[place : place + 1] != _QUOTE
        self._rest = data[place:] if self._within else b""
        return len(data) if self._within else place + 1

    def _step(self, token: int) -> bool | None:
        """Counts a bracket; whether a value ends with it (True), before it (False), or not here."""
        if token in b"{[":
            self._depth += 1
            return False if self._depth <= self._floor else None
        if token in b"}]":
            inside = self._depth > self._floor
            self._depth = max(0, self._depth - 1)
            return inside if self._depth <= self._floor else None
        return False if token in b"," and self._depth <= self._floor else None

    def _keep(self, data: bytes) -> None:
        room = FRAGMENT - len(self._value)
        self._value += data[:room]
        self._skipped += data.count(b"\n", room) if len(data) > room else 0

    def _take(self) -> Iterator[Piece]:
        value, self._value = bytes(self._value), bytearray()
        text = value.strip()
        begins = self._line + value.count(b"\n", 0, len(value) - len(value.lstrip()))
        self._line += value.count(b"\n") + self._skipped
        self._skipped = 0
        if text:
            yield Piece(begins, text, TOO_LONG if len(value) == FRAGMENT else "")
