"""Texts from outside in a form that can do a terminal no harm."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """A text whose control characters, marks of direction and half characters are spelled out."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_json(text: str) -> str:
    """A JSON text, whose own control characters are escaped already, with all others that a terminal obeys escaped.

    Its value is the same; such characters stand only within strings.
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
