"""Requests as bytes: gremlinpython's GraphBinary writer, made quicker where our requests spend their time.

A request of two hundred records has tens of thousands of values, nearly all of them strings, maps and steps. These are
written here in place (TinkerPop, "GraphBinary 1.0": type code, value flag, value); all else by gremlinpython.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from typing import Any

from gremlin_python.driver.request import RequestMessage
from gremlin_python.driver.serializer import GraphBinarySerializersV1
from gremlin_python.process.traversal import Bytecode, Cardinality, Direction, Merge, T
from gremlin_python.statics import long
from gremlin_python.structure.io.graphbinaryV1 import GraphBinaryWriter

from consumer.graph.gremlin.traversals import Single

_INT = struct.Struct(">i").pack
_STRING = b"\x03\x00"
_MAP = b"\x0a\x00"
_BYTECODE = b"\x15\x00"
_TRUE, _FALSE = b"\x27\x00\x01", b"\x27\x00\x00"
_INT32 = b"\x01\x00"
_MOST_INT32 = 2**31

REQUEST_ID = slice(34, 50)
"""Place of the id in a request: after the length and name of the format, and the version."""


class _Writer(GraphBinaryWriter):  # type: ignore[misc]  # gremlinpython has no types
    """A writer of values that takes the common types itself."""

    def __init__(self) -> None:
        super().__init__()
        self._symbols = {
            symbol: self._written(symbol) for kind in (T, Merge, Direction, Cardinality) for symbol in kind
        }
        # gremlinpython's form of `single(value)`: bytecode without steps, with one source instruction of two arguments.
        name = b"CardinalityValueTraversal"
        self._value = _BYTECODE + _INT(0) + _INT(1) + _INT(len(name)) + name + _INT(2)
        self._value += self._symbols[Cardinality.single]
        self._quick: dict[type, Callable[[Any, bytearray], None]] = {
            str: self._string,
            dict: self._map,
            bool: self._bool,
            int: self._int,
            Bytecode: self._bytecode,
            Single: self._single,
            **dict.fromkeys((T, Merge, Direction, Cardinality), self._symbol),
        }

    def _written(self, value: object) -> bytes:
        into = bytearray()
        super().to_dict(value, into)
        return bytes(into)

    def to_dict(self, obj: Any, to_extend: bytearray | None = None) -> bytearray:
        """Writes a value behind what is there already; the name is gremlinpython's."""
        into = bytearray() if to_extend is None else to_extend
        # By the exact type: for `isinstance`, True is an int.
        quick = self._quick.get(type(obj))
        if quick is None:
            super().to_dict(obj, into)
        else:
            quick(obj, into)
        return into

    def _string(self, value: str, into: bytearray) -> None:
        raw = value.encode()
        into += _STRING + _INT(len(raw)) + raw

    def _map(self, value: dict[Any, Any], into: bytearray) -> None:
        into += _MAP + _INT(len(value))
        quick = self._quick
        for key, item in value.items():
            # Keys are texts and symbols, all of which are written here.
            quick[type(key)](key, into)
            quick.get(type(item), self.to_dict)(item, into)

    def _bool(self, value: bool, into: bytearray) -> None:  # noqa: FBT001 - a value to write
        into += _TRUE if value else _FALSE

    def _int(self, value: int, into: bytearray) -> None:
        if -_MOST_INT32 <= value < _MOST_INT32:
            into += _INT32 + _INT(value)
        else:
            # gremlinpython writes 64 bits only for its own type.
            super().to_dict(long(value), into)

    def _symbol(self, value: Any, into: bytearray) -> None:
        into += self._symbols[value]

    def _single(self, value: Single, into: bytearray) -> None:
        into += self._value
        inner = value.value
        self._quick[type(inner)](inner, into)

    def _bytecode(self, value: Bytecode, into: bytearray) -> None:
        into += _BYTECODE
        quick = self._quick
        for instructions in (value.step_instructions, value.source_instructions):
            into += _INT(len(instructions))
            for name, *args in instructions:
                raw = name.encode()
                into += _INT(len(raw)) + raw + _INT(len(args))
                for arg in args:
                    quick.get(type(arg), self.to_dict)(arg, into)


_FORMAT = GraphBinarySerializersV1(writer=_Writer())


def request(query: Bytecode) -> bytes:
    """Serializes a traversal as a request with an id of zeros."""
    args = {"gremlin": query, "aliases": {"g": "g"}}
    # Each attempt gets an id of its own: the answer to an earlier one may still come.
    message = RequestMessage("traversal", "bytecode", args)
    found: bytes = _FORMAT.serialize_message(str(uuid.UUID(int=0)), message)
    return found


def numbered(data: bytes) -> tuple[uuid.UUID, bytes]:
    """Returns a new id, and a request with it."""
    id_ = uuid.uuid4()
    return id_, b"".join((data[: REQUEST_ID.start], id_.bytes, data[REQUEST_ID.stop :]))
