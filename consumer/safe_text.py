"""Escapes texts from outside, so that they can't control a terminal."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Escapes control characters, direction marks and lone surrogates of a text."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def printable_json(text: str) -> str:
    """Escapes all characters of a JSON text that a terminal obeys, beyond those that JSON escapes itself.

    The JSON value stays the same, since such characters occur only within strings.
    """
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
