"""The `facts` property: whatever is in it, it is JSON that states its format."""

from __future__ import annotations

import json

import pytest

from consumer.graph.facts import facts_text
from consumer.graph.facts.packed_text import LONG
from consumer.graph.format_version import FORMAT

SHORT = f'{{"a":["x"],"v":{FORMAT}}}'
REPEATING = json.dumps({"a": ["column"] * LONG, "v": FORMAT})


@pytest.mark.parametrize("structure", [SHORT, REPEATING], ids=["short", "long"])
def test_a_structure_comes_back(structure: str) -> None:
    """A structure is compressed where that is shorter, and is no reference."""
    text = facts_text.of_structure(structure)
    assert json.loads(text)["v"] == FORMAT
    assert facts_text.structure(text) == structure
    assert facts_text.shared_ref(text) == ""
    assert len(text) <= len(structure)


def test_a_reference_comes_back() -> None:
    """A reference states the format as well, so that an earlier version refuses it by that number."""
    text = facts_text.of_shared("#0123456789abcdef")
    assert json.loads(text)["v"] == FORMAT
    assert facts_text.shared_ref(text) == "#0123456789abcdef"


@pytest.mark.parametrize("other", ['{"v":1,"names":[]}', "{}", f'{{"v":{FORMAT + 1},"z":"zzz"}}'])
def test_other_formats_are_left_to_the_codec(other: str) -> None:
    """They are neither decompressed nor taken for a reference."""
    assert facts_text.structure(other) == other
    assert facts_text.shared_ref(other) == ""
