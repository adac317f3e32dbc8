"""Splits a stream of bytes into JSON documents: JSON lines, arrays, or objects that span lines.

Memory is bounded: an array is split into its elements while it is read. Documents are not parsed here, so an invalid
one does not affect others, as long as lines or brackets separate them.
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
FRAGMENT_BYTES = MAX_BYTES + 1
"""Maximum size of a read in bytes: a longer line is too long for an event."""

TOO_LONG = f"the document is longer than {MAX_BYTES} bytes, the maximum size of an event"
CUT_OFF = "the input ends within an array: its last events may be missing"

# Matches whole strings, so that brackets in them are not counted; `open` begins one that continues in later data.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},]|(?P<open>")', re.DOTALL)
# The rest of a string up to its closing quote, or up to a backslash whose escaped character is in later data.
_WITHIN = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE = b'"'
# A line of the emitter's `bootstrap_servers: file:///...`, which contains the event byte for byte.
_LOGGED = re.compile(rb'\{"topic": "[^"\\]*", "key": "(?:[^"\\]|\\.)*", "timestamp": \d+, "value": (\{.*\})\}')


class RawDocument(NamedTuple):
    """The bytes of one document.

    Attributes:
        line: Line number of its beginning, from 1.
        data: The bytes; only the first ones if the document is too long.
        fault: Reason why the bytes are not a valid document; empty if none is known yet.
    """

    line: int
    data: bytes
    fault: str = ""


def split_documents(stream: BinaryIO) -> Iterator[RawDocument]:
    """Yields the documents of a stream in order.

    An input that begins with a bracket is an array. Otherwise each line is a document, unless the first line is not
    JSON and the second one can't begin an object: then documents span lines.
    """
    fragments = iter(lambda: stream.readline(FRAGMENT_BYTES), b"")
    head: list[bytes] = []
    texts: list[bytes] = []
    for fragment in fragments:
        head.append(fragment if head else fragment.removeprefix(BOM))
        if text := head[-1].strip():
            texts.append(text)
        # A first line that is JSON need not wait for the second one, which a pipe may not have for long.
        if texts and (len(texts) > 1 or texts[0].startswith(b"[") or _is_json(texts[0])):
            break
    everything = chain(head, fragments)
    if texts and texts[0].startswith(b"["):
        yield from _split_by_brackets(everything, floor=1)
    elif len(texts) > 1 and not texts[1].startswith(b"{") and not _is_json(texts[0]):
        yield from _split_by_brackets(everything, floor=0)
    else:
        yield from _split_lines(everything)


def _is_json(text: bytes) -> bool:
    if most_values(text) > MAX_VALUES:
        return text.endswith(b"}")  # parsing might take many times the memory of the text
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _split_lines(fragments: Iterable[bytes]) -> Iterator[RawDocument]:
    line, within = 1, False
    for fragment in fragments:
        ends = fragment.endswith(b"\n")
        if not within and not ends and len(fragment) == FRAGMENT_BYTES:
            yield RawDocument(line, fragment, TOO_LONG)
        elif not within and (text := fragment.strip()):
            logged = _LOGGED.fullmatch(text)
            yield RawDocument(line, logged[1] if logged else text)
        within = not ends
        line += ends


def _split_by_brackets(fragments: Iterable[bytes], floor: int) -> Iterator[RawDocument]:
    cutter = _BracketSplitter(floor)
    for fragment in fragments:
        yield from cutter.feed(fragment)
    yield from cutter.end()


class _BracketSplitter:
    """Splits JSON text into values by counting brackets outside of strings.

    Args:
        floor: Nesting depth of the values: 1 in an array, 0 in a sequence.
    """

    def __init__(self, floor: int) -> None:
        self._floor = floor
        self._depth = 0
        self._line = 1
        self._value = bytearray()
        self._skipped = 0
        self._within = False
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[RawDocument]:
        """Adds bytes; yields the values that end in them."""
        data = self._rest + data
        self._rest = b""
        begin = 0
        position = self._string(data, 0) if self._within else 0
        for match in _TOKEN.finditer(data, position):
            position = match.start()
            if match["open"]:
                self._string(data, position + 1)
                break
            ends = self._step(data[position])
            if ends is not None:
                self._append(data[begin : position + ends])
                yield from self._take_value()
                begin = position + 1
        self._append(data[begin : len(data) - len(self._rest)])

    def end(self) -> Iterator[RawDocument]:
        """Ends the input; yields the last value, and a fault if an array is not closed."""
        self._append(self._rest)
        yield from self._take_value()
        if self._depth:
            yield RawDocument(self._line, b"", CUT_OFF)

    def _string(self, data: bytes, position: int) -> int:
        """Skips the rest of a string; returns the position after it, or the end of the data if the string continues."""
        rest = _WITHIN.match(data, position)
        position = rest.end() if rest else position
        self._within = data[position : position + 1] != _QUOTE
        self._rest = data[position:] if self._within else b""
        return len(data) if self._within else position + 1

    def _step(self, token: int) -> bool | None:
        """Counts a bracket; returns True if a value ends with it, False if one ends before it, else None."""
        if token in b"{[":
            self._depth += 1
            return False if self._depth <= self._floor else None
        if token in b"}]":
            inside = self._depth > self._floor
            self._depth = max(0, self._depth - 1)
            return inside if self._depth <= self._floor else None
        return False if token in b"," and self._depth <= self._floor else None

    def _append(self, data: bytes) -> None:
        room = FRAGMENT_BYTES - len(self._value)
        self._value += data[:room]
        self._skipped += data.count(b"\n", room) if len(data) > room else 0

    def _take_value(self) -> Iterator[RawDocument]:
        value, self._value = bytes(self._value), bytearray()
        text = value.strip()
        begins = self._line + value.count(b"\n", 0, len(value) - len(value.lstrip()))
        self._line += value.count(b"\n") + self._skipped
        self._skipped = 0
        if text:
            yield RawDocument(begins, text, TOO_LONG if len(value) == FRAGMENT_BYTES else "")
