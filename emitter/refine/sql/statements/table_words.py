"""The word TABLE of Trino where it begins no statement's name: the query `TABLE t`, and the call `TABLE(f(...))`.

sqlglot reads both in some places alone. The query is spelled out, and the call gets a name that is no keyword. How a
function's table is cut into partitions, `TABLE(t) PARTITION BY a ORDER BY b`, does not change what it reads.
"""

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType

from emitter.refine.sql.statements.token_places import inside

TABLE_FUNCTION = "table_function"
"""The name that stands for TABLE in a call."""

_CONCERNED = re.compile(
    r"(?:\bas|[()]|\b(?:all|distinct|except|intersect|union))\s*\btable\s+[\w\"]|\btable\s*\(", re.IGNORECASE
)
_BEFORE_A_QUERY = frozenset({"(", ")", "ALL", "AS", "DISTINCT", "EXCEPT", "INTERSECT", "UNION"})
_BEFORE_AN_ARGUMENT = frozenset({TokenType.FARROW, TokenType.L_PAREN})
_CLAUSES = frozenset({"KEEP", "ORDER", "PARTITION", "PRUNE"})


def may_name_tables(sql: str) -> bool:
    """True if a text may have the word TABLE in one of these places."""
    return _CONCERNED.search(sql) is not None


def with_named_tables(sql: str, tokens: Sequence[Token]) -> str:
    """Returns a text with queries in the place of `TABLE t`, and with calls of another name for `TABLE(...)`.

    Args:
        sql: The text of one or several statements.
        tokens: Its tokens.
    """
    for start, end, text in sorted(_edits(tokens), reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql


def _edits(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """Yields where a new text begins, where the old one ends, and the new text."""
    for place in range(1, len(tokens) - 1):
        before, token, after = tokens[place - 1 : place + 2]
        if token.token_type != TokenType.TABLE:
            continue
        if after.token_type == TokenType.L_PAREN:
            yield token.start, token.end + 1, TABLE_FUNCTION
            if before.token_type in _BEFORE_AN_ARGUMENT:
                yield from _clauses(tokens, place + 1)
        elif before.text.upper() in _BEFORE_A_QUERY and _is_name(after):
            yield token.start, token.end + 1, "SELECT * FROM"


def _clauses(tokens: Sequence[Token], opening: int) -> Iterator[tuple[int, int, str]]:
    """Yields the clauses behind a table that is an argument, which are left out."""
    begin = max((at for at, _ in inside(tokens, opening)), default=opening) + 2
    if begin < len(tokens) and tokens[begin].text.upper().partition(" ")[0] in _CLAUSES:
        end = next((at for at, depth in inside(tokens, begin - 1) if depth == 1 and _is_comma(tokens[at])), None)
        last = end - 1 if end is not None else max((at for at, _ in inside(tokens, begin - 1)), default=begin)
        yield tokens[begin].start, tokens[last].end + 1, ""


def _is_comma(token: Token) -> bool:
    return token.token_type == TokenType.COMMA


def _is_name(token: Token) -> bool:
    return token.token_type == TokenType.IDENTIFIER or token.text.replace("_", "").isalnum()
