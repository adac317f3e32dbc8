"""A JSON object's members as bytes, cut out of its text without being parsed.

A cut is exact: put together again, the members are the text, byte for byte. So no key stands twice, and what is valid
JSON in each of them is valid in the whole. Texts of another layout than the two usual ones are left to a parser.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

Member = msgspec.Raw
"""The text of a member's value: a view of the object's text, which it keeps alive."""


class _Layout(NamedTuple):
    """Spellings of keys, by key: of the first one of an object, and of the others."""

    first: Mapping[str, bytes]
    further: Mapping[str, bytes]

    @classmethod
    def of(cls, keys: Iterable[str], comma: str, colon: str) -> _Layout:
        written = {key: f'"{key}"{colon}' for key in keys}
        return cls(
            {key: f"{{{text}".encode() for key, text in written.items()},
            {key: f"{comma}{text}".encode() for key, text in written.items()},
        )


_SPACE: Final = ord(" ")
_cut = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Cutter:
    """Cuts objects with certain keys into their members.

    Args:
        keys: All keys that an object may have: of letters, digits and underscores, which are never escaped.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        known = tuple(keys)
        self._compact = _Layout.of(known, ",", ":")
        self._spaced = _Layout.of(known, ", ", ": ")

    def cut(self, text: bytes) -> dict[str, Member] | None:
        """Returns the members of an object by key.

        Returns:
            None for what is no object, has other keys or one twice, or is written neither compactly nor with one space
            behind each comma and colon. Whether the members are valid JSON is not certain then either way.
        """
        try:
            members = _cut(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        layout = self._layout(text, members)
        pieces: list[bytes | Member] = []
        written = layout.first
        for key, member in members.items():
            if key not in written:
                return None
            pieces += (written[key], member)
            written = layout.further
        pieces.append(b"}")
        return members if b"".join(pieces) == text else None

    def _layout(self, text: bytes, members: Mapping[str, Member]) -> _Layout:
        behind_colon = len(next(iter(members), "")) + len('{"":')
        is_spaced = len(text) > behind_colon and text[behind_colon] == _SPACE
        return self._spaced if is_spaced else self._compact
