"""Registers: one replaceable thing each, of which the value with the greatest stamp stays.

A stamp is a string that sorts: the event's time and then a hash of the value, so that two values of one instant have an
order too. Joining registers is taking the greater stamp: associative, commutative and idempotent, so the order and the
number of arrivals make no difference.

A value is held by reference: short ones are their own reference, long ones are stored once, under their hash.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import orjson

from consumer.lineage.facts.layers import DIGEST_BYTES, DIGEST_CHARS, Layers, Values, digest_of

INLINE_CHARS = 160
"""A value of at most this many characters is its own reference."""

NEVER_INLINE = -1
"""In place of a number of characters, for a value that is always stored under its hash."""

EMPTY = ""
"""The reference of a value that was deleted (`_deleted: true`)."""


class Register(NamedTuple):
    """A stamp and the reference of the value that it stamps."""

    stamp: str
    ref: str

    @classmethod
    def at(cls, time: str, ref: str) -> Register:
        """Returns the register of a value that was stated at a time."""
        return cls(f"{time} {digest_of(ref)}", ref)

    @property
    def time(self) -> str:
        """The time of its event."""
        return self.stamp.partition(" ")[0]


class Registers(Layers[tuple[str], Register]):
    """Registers by facet, each marked with its time."""

    __slots__ = ()

    @classmethod
    def at(cls, time: str, values: Values) -> Registers:
        """Returns the registers of values that were stated at one time."""
        return cls((((time,), values),)) if values else NO_REGISTERS

    @classmethod
    def _item(cls, mark: tuple[str], digest: str, ref: str) -> Register:
        return Register(f"{mark[0]} {digest}", ref)

    @classmethod
    def _parts(cls, item: Register) -> tuple[tuple[str], str]:
        return (item.time,), item.ref

    @classmethod
    def _rank(cls, _facet: str, mark: tuple[str], digest: str) -> tuple[str, str]:
        return mark[0], digest

    @classmethod
    def _outranks(cls, one: tuple[str], other: tuple[str]) -> bool:
        return one > other


NO_REGISTERS = Registers()


class Value(NamedTuple):
    """A value's reference, its hash, and the text to store where the reference is not the text itself."""

    ref: str
    digest: str
    text: str | None


def as_json(value: object) -> str:
    """Compact JSON with sorted keys: equal values give equal text."""
    return orjson.dumps(value, default=tuple, option=orjson.OPT_SORT_KEYS).decode()


def value_of(text: str, inline: int = INLINE_CHARS) -> Value:
    """Returns the value that a JSON text is; the empty text is the value of something deleted.

    Args:
        text: The JSON.
        inline: Up to how many characters it is its own reference.
    """
    digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()
    if len(text) <= inline:
        return Value(text, digest, None)
    return Value(f"#{digest}", digest, text)


def stamped(event_time: str, value: Value) -> Register:
    """Returns the register of a value that was said at a time (canonical, see `schemas.events`)."""
    return Register(f"{event_time} {value.digest[:DIGEST_CHARS]}", value.ref)


def is_stored(ref: str) -> bool:
    """True if a reference points to a text that is stored elsewhere."""
    return ref.startswith("#")


def compact(ref: str) -> bytes:
    """Returns the reference of a value in half of its memory, for sets of many of them."""
    return bytes.fromhex(ref[1:]) if is_stored(ref) else ref.encode("utf-8", "surrogatepass")


def later(one: Register | None, other: Register | None) -> Register | None:
    """Returns the one with the greater stamp."""
    if one is None or (other is not None and other.stamp > one.stamp):
        return other
    return one
