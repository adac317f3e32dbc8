"""Long texts of a graph: they come back as they were, and take less room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.graph.facts.packed_text import LONG, pack, unpack
from consumer.lineage.facts.registers import as_json


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=400), max_size=4))
def test_texts_come_back(said: dict[str, str]) -> None:
    """Whatever is in them, and equal texts are stored alike."""
    text = as_json(said)
    assert unpack(pack(text)) == text
    assert pack(text) == pack(as_json(said))


def test_long_texts_take_less_room() -> None:
    """A list of columns repeats itself; a short text stands as it is, so that people can read it."""
    columns = as_json([[f"column_{number:02}", "character varying(256)"] for number in range(50)])
    assert len(pack(columns)) < len(columns) / 3
    short = as_json({"x": "y" * (LONG - 20)})
    assert pack(short) == short


@pytest.mark.parametrize("text", ["{}", "[]", '""', "0", "true", "null"])
def test_json_is_not_taken_for_a_packed_text(text: str) -> None:
    """No JSON begins as a packed text does."""
    assert unpack(text) == text
