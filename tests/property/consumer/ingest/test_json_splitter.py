"""JSON is cut into its documents, whatever is in them."""

from __future__ import annotations

import io
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumer.ingest.json_splitter import RawDocument, split_documents

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{},"\\\n x', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='[]{}"\\,', max_size=3), inner),
    max_leaves=8,
)


def split(data: bytes) -> list[RawDocument]:
    """The pieces of some bytes."""
    return list(split_documents(io.BytesIO(data)))


@given(st.lists(JSON, min_size=1, max_size=6), st.sampled_from([None, 2]))
def test_an_array_is_cut_into_its_elements(values: list[Any], indent: int | None) -> None:
    """Whatever brackets, quotes and commas its strings hold, and whether it is one line or many."""
    found = split(json.dumps(values, indent=indent).encode())
    assert [json.loads(piece.data) for piece in found] == values, found


@given(st.lists(st.dictionaries(st.text(max_size=3), JSON, min_size=1), min_size=2, max_size=5))
def test_pretty_documents_are_told_apart(documents: list[dict[str, Any]]) -> None:
    """Objects that stretch over lines and follow each other; each begins at its line."""
    text = "\n".join(json.dumps(document, indent=2) for document in documents)
    found = split(text.encode())
    assert [json.loads(piece.data) for piece in found] == documents, found
    assert all(text.splitlines()[piece.line - 1].startswith("{") for piece in found), "the lines are right"
