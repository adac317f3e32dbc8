"""Documents as people read them: JSON over lines with one place marked, and text that can do a terminal no harm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson

from consumer.safe_text import printable
from schemas.json_path import join
from schemas.strict_json import most_values

MOST_DEPTH: Final = 100
"""Levels of nesting that are shown; what is deeper is rejected for that."""

MOST_VALUES: Final = 50_000
"""About how many values a document may have to be shown over lines; each line is an object as well."""


class _Number(str):
    """A number as it is written; orjson reads an integer of more than 64 bits as a float."""

    __slots__ = ()


class _Line(NamedTuple):
    """A line of a document, and the path of what begins on it; empty where nothing does."""

    path: str
    text: str


def marked(value: bytes, path: str, mark: str = "> ") -> list[str]:
    """Returns a document's lines, that of a place with a mark before it.

    A document that is no JSON, or has very many values, is shown as text.

    Args:
        value: The document.
        path: A JSON path, such as `$.run.runId`; where it leads nowhere, what is nearest above is marked.
        mark: Prefix of the line; all others have as many blanks.
    """
    try:
        document = _read(value) if most_values(value) <= MOST_VALUES else None
    except orjson.JSONDecodeError:
        document = None
    if document is None:
        return [" " * len(mark) + line for line in printable(value.decode("utf-8", "backslashreplace")).split("\n")]
    lines = list(_lines(document, "$", "", "", ""))
    at = max((line.path for line in lines if line.path and _leads_to(line.path, path)), key=len, default="$")
    found = next((number for number, line in enumerate(lines) if line.path == at), 0)
    return [(mark if number == found else " " * len(mark)) + printable(line.text) for number, line in enumerate(lines)]


def _read(value: bytes) -> Any:
    """Parses the document; numbers stay as they are written.

    Raises:
        orjson.JSONDecodeError: It is no JSON.
    """
    document = orjson.loads(value)
    try:
        return json.loads(value, parse_int=_Number, parse_float=_Number)
    except RecursionError:  # Nested deeper than Python reads, and deeper than is shown.
        return document


def _leads_to(path: str, target: str) -> bool:
    return target.startswith(path) and target[len(path) : len(path) + 1] in {"", ".", "["}


def _lines(value: Any, path: str, indent: str, head: str, tail: str) -> Iterator[_Line]:
    """Yields the lines of a value that stands after `head`, a key, and before `tail`, a comma."""
    if not isinstance(value, dict | list) or not value:
        text = value if isinstance(value, _Number) else orjson.dumps(value).decode()
        yield _Line(path, f"{indent}{head}{text}{tail}")
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    if len(indent) >= 2 * MOST_DEPTH:
        yield _Line(path, f"{indent}{head}{opening}...{closing}{tail}")
        return
    yield _Line(path, f"{indent}{head}{opening}")
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for number, (key, member) in enumerate(members, 1):
        name = f"{orjson.dumps(key).decode()}: " if isinstance(value, dict) else ""
        comma = "," if number < len(value) else ""
        yield from _lines(member, join(path, [key]), f"{indent}  ", name, comma)
    yield _Line("", f"{indent}{closing}{tail}")
