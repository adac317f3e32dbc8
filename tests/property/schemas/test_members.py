"""Objects that are cut into their members without being parsed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.members import Cutter

CUTTER = Cutter(("a", "b", "c"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), JSON, min_size=1), st.booleans(), st.booleans())
def test_members_are_the_texts_of_the_values(document: dict[str, object], spaced: bool, plain: bool) -> None:  # noqa: FBT001
    """In both layouts, whatever the values are and whatever they escape."""
    separators = (", ", ": ") if spaced else (",", ":")
    text = json.dumps(document, separators=separators, ensure_ascii=plain).encode(errors="surrogatepass")
    members = CUTTER.cut(text)
    if b"\xed" in text and members is None:
        return  # half of a surrogate pair may stand for itself only if it is escaped
    assert members is not None
    assert {key: json.loads(bytes(member)) for key, member in members.items()} == document
    assert list(members) == list(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "7",
        "{}",
        '{"d":1}',
        '{"a":1,"d":1}',
        '{"a":1,"a":1}',
        '{"a":1,"b":2,"a":1}',
        '{"\\u0061":1}',
        '{ "a":1}',
        '{"a" :1}',
        '{"a":1 }',
        '{"a":1} ',
        '\ufeff{"a":1}',
        '{"a":1, "b":2}',
        '{"a": 1,"b": 2}',
        '{"a":  1}',
        '{"a":1,}',
        '{"a":1',
        '{"a":nul}',
        '{"a":"\\x"}',
        '{"a":1}{"a":1}',
    ],
)
def test_what_is_no_usual_object_is_not_cut(text: str) -> None:
    """Other values, other keys, keys that stand twice, other layouts, and what is no JSON."""
    assert CUTTER.cut(text.encode()) is None


# Since Python 3.14 the size of the stack limits nesting, not a number of levels.
@pytest.mark.parametrize("text", [b'{"\xff":1}', b'{"a":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"])
def test_what_can_not_be_read(text: bytes) -> None:
    """A key that is no text, and nesting without end."""
    assert CUTTER.cut(text) is None
