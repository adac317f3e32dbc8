"""Registers: the greatest stamp stays, and a stamp orders any two values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.lineage.facts.registers import (
    EMPTY,
    INLINE_CHARS,
    Register,
    Registers,
    as_json,
    is_stored,
    later,
    stamped,
    value_of,
)
from tests.support.events.event_builders import at

REGISTERS = st.dictionaries(
    st.sampled_from("abc"), st.builds(Register, st.sampled_from("12"), st.sampled_from(("p", "q", "#r", "")))
).map(Registers.of)


@given(REGISTERS, REGISTERS, REGISTERS)
def test_joining_is_a_lattice(one: Registers, two: Registers, three: Registers) -> None:
    """Order, grouping and repetition of arrivals make no difference."""
    assert one.join(two) == two.join(one), "order"
    assert one.join(two).join(three) == one.join(two.join(three)), "grouping"
    assert one.join(one) == one, "repetition"


@given(REGISTERS, REGISTERS)
def test_of_each_facet_the_greater_stamp_stays(one: Registers, two: Registers) -> None:
    """Whatever layers hold them, registers are joined facet by facet, and each layer and each facet stands once."""
    joined = one.join(two)
    assert dict(joined.items()) == {
        facet: max(registers[facet] for registers in (one, two) if facet in registers) for facet in {*one, *two}
    }
    marks = [mark for mark, _ in joined.layers]
    assert marks == sorted(set(marks)), "one layer for each time, in order"
    assert all(values for _, values in joined.layers), "no layer is empty"
    assert len(joined) == len(set(joined)), "each facet once"


def test_the_later_word_stays() -> None:
    """Time goes before the value; at one time the values' hashes decide, whichever comes first."""
    old, new, other = (stamped(at(n), value_of(as_json(text))) for n, text in ((1, "z"), (2, "a"), (2, "b")))
    assert later(old, new) == later(new, old) == new
    assert later(new, other) == later(other, new), "two values of one instant have an order, too"
    assert later(None, old) == later(old, None) == old
    assert later(None, None) is None


def test_equal_values_give_equal_text() -> None:
    """The order of an object's keys says nothing."""
    assert as_json({"b": 1, "a": [("x", "y")]}) == as_json({"a": [["x", "y"]], "b": 1}) == '{"a":[["x","y"]],"b":1}'


def test_long_values_are_stored_once() -> None:
    """Up to the limit a value is its own reference; beyond, the reference is the hash and the text goes with it."""
    short, long = "x" * INLINE_CHARS, "x" * (INLINE_CHARS + 1)
    assert value_of(short)[::2] == (short, None), "a short value is its own reference"
    stored = value_of(long)
    assert is_stored(stored.ref)
    assert not is_stored(short)
    assert stored.text == long
    assert value_of(long, inline=1000).digest == stored.digest, "the hash does not depend on where a value is kept"


def test_a_deleted_value_has_a_stamp() -> None:
    """What was deleted later than it was said stays deleted, and is no stored text."""
    deleted = stamped(at(2), value_of(""))
    assert deleted.ref == EMPTY
    assert later(stamped(at(1), value_of('"x"')), deleted) == deleted
    assert not is_stored(deleted.ref)
