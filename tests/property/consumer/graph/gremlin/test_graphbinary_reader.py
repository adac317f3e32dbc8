"""Answers from bytes: the same that gremlinpython would read."""

from __future__ import annotations

import io
import struct
import uuid
from typing import Any

from gremlin_python.driver.serializer import GraphBinarySerializersV1
from gremlin_python.process.traversal import Cardinality, Direction, T, Traverser
from gremlin_python.statics import long
from gremlin_python.structure.graph import Vertex
from gremlin_python.structure.io.graphbinaryV1 import GraphBinaryReader, GraphBinaryWriter
from hypothesis import given
from hypothesis import strategies as st

from consumer.graph.gremlin.graphbinary_reader import FastReader

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
KNOWN = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1).map(long),
    st.sampled_from([T.id, T.label, Direction.IN, Direction.OUT]),
)
FOREIGN = st.one_of(
    st.none(),
    st.uuids(),
    st.floats(allow_nan=False),
    st.just(Cardinality.single),
    st.builds(Vertex, TEXT, st.just("thing")),
    st.frozensets(TEXT, max_size=3).map(set),
)
KEYS = st.one_of(TEXT, st.sampled_from([T.id, T.label, Direction.IN, Direction.OUT]))
VALUES = st.recursive(
    st.one_of(KNOWN, FOREIGN), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)


def written(value: Any) -> bytes:
    """A value as a server would send it."""
    return bytes(GraphBinaryWriter().write_object(value) or b"\xfe\x01")


@given(VALUES)
def test_every_value_is_read_as_gremlinpython_reads_it(value: Any) -> None:
    """What this reader knows and what it leaves to gremlinpython, in any mixture, is the same, type and all."""
    data = written(value)
    stream = io.BytesIO(data)
    found, expected = FastReader().to_object(stream), GraphBinaryReader().to_object(io.BytesIO(data))
    assert (found, type(found)) == (expected, type(expected)), "our reader differs from gremlinpython's"
    assert stream.tell() == len(data), "the stream must stand behind the value, where gremlinpython reads on"


@given(st.lists(VALUES, max_size=4), st.integers(1, 2**40))
def test_a_whole_answer(values: list[Any], bulk: int) -> None:
    """A message of traversers, between parts that gremlinpython reads itself."""
    head = b"\x81" + b"\x00" + uuid.UUID(int=7).bytes + struct.pack(">i", 200) + b"\x01" + b"\x00\x00\x00\x00" * 2
    data = head + written([Traverser(value, long(bulk)) for value in values])
    found = GraphBinarySerializersV1(reader=FastReader()).deserialize_message(data)
    assert found == GraphBinarySerializersV1().deserialize_message(data), "our reader differs from gremlinpython's"
    assert [traverser.bulk for traverser in found["result"]["data"]] == [bulk] * len(values), "how often each counts"
