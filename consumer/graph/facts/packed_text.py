"""Long texts of a graph, compressed: SQL, schemas and lists of columns repeat themselves, and are written once.

Every store keeps text, so what is compressed is text again: a mark and base 64. JSON never begins with that mark.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from typing import Final

LONG: Final = 256
"""Characters from which on a text is compressed."""

_MARK: Final = "z"
_LEVEL: Final = 6
_WINDOW_BITS: Final = 13
_MEMORY: Final = 6
"""zlib's defaults clear 256 KiB of memory for each text, which takes ten times as long as compressing a kilobyte."""


def pack(text: str) -> str:
    """Returns a text as it is stored: compressed if it is long, and shorter that way.

    Args:
        text: JSON; it must not begin with the mark.
    """
    if len(text) < LONG:
        return text
    making = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY)
    packed = _MARK + b64encode(making.compress(text.encode()) + making.flush()).decode()
    return packed if len(packed) < len(text) else text


def unpack(stored: str) -> str:
    """Returns the text that was stored."""
    return zlib.decompress(b64decode(stored[len(_MARK) :])).decode() if stored.startswith(_MARK) else stored
