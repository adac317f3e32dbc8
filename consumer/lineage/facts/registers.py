"""Registers: one replaceable thing each, of which the value with the greatest stamp stays.

A stamp is a string that sorts: the event's time and then a hash of the value, so that two values of one instant have an
order too. Joining registers is taking the greater stamp: associative, commutative and idempotent, so the order and the
number of arrivals make no difference.

A value is held by reference: short ones are their own reference, long ones are stored once, under their hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import orjson

INLINE_CHARS = 160
"""A value of at most this many characters is its own reference."""

EMPTY = ""
"""The reference of a value that was deleted (`_deleted: true`)."""


class Register(NamedTuple):
    """A stamp and the reference of the value that it stamps."""

    stamp: str
    ref: str


Registers = dict[str, Register]
"""Facet key to register."""


class Value(NamedTuple):
    """A value's reference, its hash, and the text to store where the reference is not the text itself."""

    ref: str
    digest: str
    text: str | None


def as_json(value: object) -> str:
    """Compact JSON with sorted keys: equal values give equal text."""
    return orjson.dumps(value, default=tuple, option=orjson.OPT_SORT_KEYS).decode()


def value_of(text: str, inline: int = INLINE_CHARS) -> Value:
    """The value that a JSON text is; the empty text is the value of something deleted.

    Args:
        text: The JSON.
        inline: Up to how many characters it is its own reference.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    if len(text) <= inline:
        return Value(text, digest, None)
    return Value(f"#{digest}", digest, text)


def stamped(event_time: str, value: Value) -> Register:
    """The register of a value that was said at a time (canonical, see `schemas.events`)."""
    return Register(f"{event_time} {value.digest[:12]}", value.ref)


def is_stored(ref: str) -> bool:
    """Whether a reference points to a text that is stored elsewhere."""
    return ref.startswith("#")


def later(one: Register | None, other: Register | None) -> Register | None:
    """The one with the greater stamp."""
    if one is None or (other is not None and other.stamp > one.stamp):
        return other
    return one


def join_registers(one: Mapping[str, Register], other: Mapping[str, Register]) -> Registers:
    """For each facet the later register."""
    joined = dict(one)
    for facet, register in other.items():
        known = joined.get(facet)
        if known is None or register.stamp > known.stamp:
            joined[facet] = register
    return joined
