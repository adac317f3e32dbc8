"""Row constructors that name their fields, `ROW(a AS x, b y)`, which Trino has since 479 and sqlglot does not read.

They are written as `STRUCT(a AS x, b AS y)`, which sqlglot reads as the same. A row type, as in
`CAST(r AS ROW(x bigint))`, is left as it is.
"""

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType

from emitter.refine.sql.statements.token_places import CLOSES, calls, inside, is_as

_CONCERNED = re.compile(r"\brow\s*\(", re.IGNORECASE)
_NAMES = frozenset({TokenType.IDENTIFIER, TokenType.VAR})
_ENDS_A_VALUE = _NAMES | CLOSES | {TokenType.END, TokenType.NULL, TokenType.NUMBER, TokenType.STRING}
_CASTS = frozenset({"CAST", "TRY_CAST"})


def may_have_them(sql: str) -> bool:
    """True if a text may have row constructors that name a field."""
    return _CONCERNED.search(sql) is not None


def with_structs(sql: str, tokens: Sequence[Token]) -> str:
    """Returns a text in which rows that name a field are structs; the very same if it has none.

    Args:
        sql: The text of one or several statements.
        tokens: Its tokens.
    """
    types = set(_in_types(tokens))
    edits: dict[int, tuple[int, str]] = {}
    for place in calls(tokens, frozenset({"ROW"})):
        names = () if place in types else tuple(_names(tokens, place + 1))
        if names:
            edits[tokens[place].start] = (tokens[place].end + 1, "STRUCT")
            edits |= {tokens[name].start: (tokens[name].start, "AS ") for name in names if not is_as(tokens[name - 1])}
    for start in sorted(edits, reverse=True):
        end, text = edits[start]
        sql = sql[:start] + text + sql[end:]
    return sql


def _in_types(tokens: Sequence[Token]) -> Iterator[int]:
    """Yields the places of all tokens that are part of the type of a cast."""
    for place in calls(tokens, _CASTS):
        items = list(inside(tokens, place + 1))
        marks = [at for at, depth in items if depth == 1 and is_as(tokens[at])]
        if marks:
            yield from range(marks[-1], items[-1][0] + 1)


def _names(tokens: Sequence[Token], opening: int) -> Iterator[int]:
    """Yields the places of the fields' names of a row constructor."""
    item: list[int] = []
    for at, depth in [*inside(tokens, opening), (-1, 1)]:
        if at >= 0 and (depth > 1 or tokens[at].token_type != TokenType.COMMA):
            item.append(at)
            continue
        if len(item) > 1 and _is_name([tokens[each] for each in item]):
            yield item[-1]
        item = []


def _is_name(item: Sequence[Token]) -> bool:
    """True if the last token of an item names it."""
    *_, before, last = item
    if is_as(before):
        return True
    is_unit = len(item) > 2 and item[-3].token_type == TokenType.INTERVAL  # noqa: PLR2004 # INTERVAL '1' DAY
    return last.token_type in _NAMES and before.token_type in _ENDS_A_VALUE and not is_unit
