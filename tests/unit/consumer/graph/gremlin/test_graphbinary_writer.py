"""Requests as bytes: the same that gremlinpython would send."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from gremlin_python.driver.request import RequestMessage
from gremlin_python.driver.serializer import GraphBinarySerializersV1
from gremlin_python.process.traversal import Bytecode, CardinalityValue
from gremlin_python.statics import long
from hypothesis import given
from hypothesis import strategies as st

from consumer.graph.gremlin import graphbinary_writer as graphbinary
from consumer.graph.gremlin import traversals
from consumer.graph.store import (
    Change,
    DropEdges,
    DropOrphans,
    DropVertices,
    Edge,
    NotExists,
    PropertyEquals,
    Step,
    Vertex,
)

STEPS: tuple[Step, ...] = (
    Vertex("v/ä", "thing", {"name": "ä", "n": 7, "big": 2**31 - 1, "yes": True, "no": False}),
    Vertex("bare", "thing", {}),
    Edge("e", "line", "v/ä", "bare", {"n": -1}),
    Edge("plain", "line", "v/ä", "bare", {}),
    DropEdges(("a", "b")),
    DropOrphans(("c",), "in_schema", "line"),
    DropVertices(("d",)),
)


def _spelled_out(value: Any) -> Any:
    """The same with gremlinpython's own values of single cardinality."""
    if isinstance(value, traversals.Single):
        return CardinalityValue.single(value.value)
    if isinstance(value, dict):
        return {key: _spelled_out(item) for key, item in value.items()}
    if isinstance(value, Bytecode):
        found = Bytecode()
        found.step_instructions = [[name, *map(_spelled_out, args)] for name, *args in value.step_instructions]
        return found
    return value


def _by_gremlinpython(query: Bytecode) -> bytes:
    query = _spelled_out(query)
    message = RequestMessage("traversal", "bytecode", {"gremlin": query, "aliases": {"g": "g"}})
    found: bytes = GraphBinarySerializersV1().serialize_message(str(uuid.UUID(int=0)), message)
    return found


@pytest.mark.parametrize(
    "change",
    [
        Change(Vertex("o", "owner", {"rev": "1.a"}), NotExists(), PropertyEquals("rev", "1.a")),
        Change(Vertex("o", "owner", {"rev": "1.a"}), NotExists(), PropertyEquals("rev", "1.a"), STEPS),
        Change(
            Vertex("o", "owner", {"rev": "2.b"}),
            PropertyEquals("rev", "1.a"),
            PropertyEquals("rev", "2.b"),
            STEPS,
            ("gone",),
        ),
    ],
)
def test_a_write_is_what_gremlinpython_would_send(change: Change) -> None:
    """Every kind of change gives the same bytes."""
    query = traversals.write([change])
    assert graphbinary.request(query) == _by_gremlinpython(query), "our GraphBinary differs from gremlinpython's"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_values_are_what_gremlinpython_would_send(text: str, number: int, flag: bool) -> None:  # noqa: FBT001 - a value
    """Strings, numbers of any size and truth values give the same bytes; large numbers are longs."""
    sized: Any = number if -(2**31) <= number < 2**31 else long(number)
    query, expected = Bytecode(), Bytecode()
    query.step_instructions = [["inject", text, number, flag, {text: [number]}]]
    expected.step_instructions = [["inject", text, sized, flag, {text: [sized]}]]
    assert graphbinary.request(query) == _by_gremlinpython(expected), "our GraphBinary differs from gremlinpython's"


def test_each_request_has_an_id_of_its_own() -> None:
    """The id is the one in the bytes, and all else stays as it is."""
    data = graphbinary.request(traversals.read(["headwater:ping"], ()))
    (first, one), (second, other) = graphbinary.numbered(data), graphbinary.numbered(data)
    assert first != second
    assert uuid.UUID(bytes=one[graphbinary.REQUEST_ID]) == first
    assert one.replace(first.bytes, second.bytes) == other
