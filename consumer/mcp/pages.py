"""Answers that fit an assistant's context: whole items up to a budget, the total, and a cursor to the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from consumer.errors import UsageError

MOST_TOKENS = 8_000
"""Tokens of one answer."""

CHARS_PER_TOKEN = 2.5
"""Characters of JSON that count as a token: names with dots, underscores and quotes take more tokens than prose."""

RESERVED_CHARS = 1_500
"""Characters for all of an answer but its list."""

MOST_ITEMS = 10**12
"""More items than any list has; Python refuses to read numbers of thousands of digits."""

MOST_TEXT = 2_000
"""Characters of a text, such as SQL, in an answer."""


def page(items: Sequence[dict[str, Any]], cursor: str | None, chars: int | None = None) -> dict[str, Any]:
    """Takes as many whole items as fit.

    Args:
        items: All items, in an order that is always the same.
        cursor: `next` of the page before; None for the first.
        chars: Characters that the items may have.

    Returns:
        `items`, `total`, `truncated`, and `next`, which is null at the end. The union of all pages is all items.

    Raises:
        UsageError: The cursor is not one of this server's.
    """
    start = start_of(cursor, len(items))
    left = chars if chars is not None else int(MOST_TOKENS * CHARS_PER_TOKEN) - RESERVED_CHARS
    taken: list[dict[str, Any]] = []
    for item in items[start:]:
        left -= len(orjson.dumps(item)) + 1
        if left < 0 and taken:
            break
        taken.append(item)
    return {"items": taken, **_rest(start + len(taken), len(items))}


def part(items: Sequence[dict[str, Any]], start: int, total: int) -> dict[str, Any]:
    """Takes as many whole items as fit, of a list that is not read as a whole.

    Args:
        items: Those from a position on.
        start: The position.
        total: The number of all items.

    Returns:
        The same as `page`.
    """
    taken = page(items, None)["items"]
    return {"items": taken, **_rest(start + len(taken), total)}


def _rest(end: int, total: int) -> dict[str, Any]:
    return {"total": total, "truncated": end < total, "next": str(end) if end < total else None}


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


def shortened(text: str | None) -> str | None:
    """Cuts a long text, and says how much is left out."""
    if text is None or len(text) <= MOST_TEXT:
        return text
    return f"{text[:MOST_TEXT]}... ({len(text) - MOST_TEXT} more characters)"
