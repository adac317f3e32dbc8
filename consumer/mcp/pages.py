"""Answers that fit an assistant's context: whole items up to a budget, the total, and a cursor to the rest.

An answer has one list that is paged; all else in it is cut, however large the graph is: texts to `MOST_TEXT`
characters, and other lists to `MOST_LIST`, with their length beside them. Where many texts are long, each is cut
shorter, until all of them fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import orjson

from consumer.errors import UsageError
from schemas.counted import counted

MOST_TOKENS = 8_000
"""Tokens of one answer."""

CHARS_PER_TOKEN = 2.5
"""Characters of JSON that count as a token: names with dots, underscores and quotes take more tokens than prose."""

MOST_CHARS = int(MOST_TOKENS * CHARS_PER_TOKEN)
"""Characters of one answer."""

MOST_TEXT = 1_500
"""Characters of a text, such as SQL, in an answer."""

SHORTER = (MOST_TEXT, 400, 100, 25)
"""Characters of a text in an answer with ever more long texts."""

MOST_LIST = 1_000
"""Characters of a list in an answer, but for the one that is paged."""

MOST_ITEMS = 10**12
"""More items than any list has; Python refuses to read numbers of thousands of digits."""


_PAGE_CHARS = 100
"""Characters of a page's own fields, of the longest numbers."""


def answered(rest: Mapping[str, Any], items: Sequence[Any], cursor: str | None = None) -> dict[str, Any]:
    """Returns an answer: what stands in it once, and a page of its list.

    Args:
        rest: All of the answer but the list that is paged.
        items: All items of that list, in an order that is always the same.
        cursor: `next` of the page before; None for the first.

    Returns:
        `rest`, cut where it is long, and `items`, `total`, `truncated`, and `next`, which is null at the end. A page
        has as many whole items as fit, at least one. The union of all pages is all items.

    Raises:
        UsageError: The cursor is not one of this server's.
    """
    start = start_of(cursor, len(items))
    return part(rest, items[start:], start, len(items))


def part(rest: Mapping[str, Any], items: Sequence[Any], start: int, total: int) -> dict[str, Any]:
    """Returns an answer with a page of a list that is not read as a whole.

    Args:
        rest: All of the answer but the list that is paged.
        items: Those from a position on.
        start: The position.
        total: The number of all items.

    Returns:
        The same as `answered`.
    """
    once = _cut_to(rest, MOST_CHARS // 2)
    taken = _page(items, MOST_CHARS - _size(once) - _PAGE_CHARS)
    end = start + len(taken)
    return {**once, "items": taken, "total": total, "truncated": end < total, "next": str(end) if end < total else None}


def start_of(cursor: str | None, count: int = MOST_ITEMS) -> int:
    """Returns the position of a cursor among so many items.

    Raises:
        UsageError: The cursor is not one of this server's.
    """
    if not cursor:
        return 0
    if not cursor.isdecimal() or len(cursor) > len(str(MOST_ITEMS)) or int(cursor) > count:
        raise UsageError(f"cursor {cursor[:20]!r} is not one of this answer; pass `next` of the page before, or none")
    return int(cursor)


def cut(document: Mapping[str, Any], most: int = MOST_TEXT) -> dict[str, Any]:
    """Cuts long texts and long lists of a document, and says how much is left out.

    A list that is cut has its length beside it: `readers_total` beside `readers`.

    Args:
        document: The document.
        most: Characters of a text.
    """
    found: dict[str, Any] = {}
    for key, value in document.items():
        found[key] = _cut(value, most)
        if isinstance(value, list | tuple) and len(found[key]) < len(value):
            found[f"{key}_total"] = len(value)
    return found


def _cut(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return shortened(value, most)
    if isinstance(value, Mapping):
        return cut(value, most)
    if isinstance(value, list | tuple):
        return _fitting((_cut(one, most) for one in value), MOST_LIST)
    return value


def _cut_to(value: Any, chars: int) -> Any:
    """Cuts a value until it has at most so many characters, as far as shorter texts can do that."""
    found = _cut(value, SHORTER[0])
    for most in SHORTER[1:]:
        if _size(found) <= chars:
            break
        found = _cut(value, most)
    return found


def _page(items: Sequence[Any], chars: int) -> list[Any]:
    """Takes items while they fit, each of them cut; always the first one, which is cut until it fits."""
    first = (_cut_to(item, chars - 1) for item in items[:1])
    return _fitting(chain(first, (_cut(item, MOST_TEXT) for item in items[1:])), chars)


def _fitting(items: Iterable[Any], chars: int) -> list[Any]:
    """Takes items while they fit; always the first one."""
    taken: list[Any] = []
    for item in items:
        chars -= _size(item) + 1
        if chars < 0 and taken:
            break
        taken.append(item)
    return taken


def _size(value: Any) -> int:
    return len(orjson.dumps(value))


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """Cuts a long text, and says how much is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}... ({counted(len(text) - most, 'more character')})"
