"""The built files of the page, by the names under which they were built."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import orjson

BUILT = Path(__file__).parents[2] / "web" / "dist"
"""The files that `npm run build` made in consumer/web."""


@cache
def built_names() -> Mapping[str, str]:
    """Reads the names of the built files, such as `page-0123456789ab.js`, by their plain names, such as `page.js`."""
    names: Mapping[str, str] = orjson.loads((BUILT / "manifest.json").read_bytes())
    return names


@cache
def built_file(name: str) -> bytes:
    """Reads a built file by the name under which it was built."""
    return (BUILT / name).read_bytes()
