"""SQL's JSON functions, whose clauses sqlglot reads in part: written as calls of what they are made from.

`JSON_VALUE(a, 'path' PASSING b AS x RETURNING int DEFAULT c ON EMPTY)` becomes `sql_json(a, 'path', b, c)`, as its
clauses do not change its lineage. The columns of JSON_TABLE keep their names; those that are nested stand among the
others. The forms are those of Trino's page "JSON functions and operators".
"""

import re
from collections.abc import Iterator, Sequence

from sqlglot import Token, TokenType

from emitter.refine.sql.statements.token_places import CLOSES, OPENS, calls, inside, is_as

_CONCERNED = re.compile(r"\bjson_(?:array|exists|object|query|table|value)\s*\(", re.IGNORECASE)
_FUNCTIONS = frozenset({"JSON_ARRAY", "JSON_EXISTS", "JSON_OBJECT", "JSON_QUERY", "JSON_TABLE", "JSON_VALUE"})
_TABLE = "JSON_TABLE"
_PLAIN = "sql_json"

# What ends an expression, and begins a clause without one.
_CLAUSES = frozenset({"KEEP", "OMIT", "ON", "RETURNING", "WITH", "WITHOUT"})
_BEHAVIOURS = frozenset({"ABSENT", "EMPTY", "ERROR", "FALSE", "NULL", "TRUE", "UNKNOWN"})
# What ends an expression, and has one behind it.
_BEGINS_AN_EXPRESSION = frozenset({"DEFAULT", "PASSING"})
_SEPARATORS = frozenset({TokenType.COLON, TokenType.COMMA})
_QUOTED = frozenset({TokenType.IDENTIFIER, TokenType.STRING})
_NO_OPERAND = _SEPARATORS | {TokenType.DOT, TokenType.R_PAREN}


def may_have_json_functions(sql: str) -> bool:
    """True if a text may have SQL's JSON functions."""
    return _CONCERNED.search(sql) is not None


def with_plain_calls(sql: str, tokens: Sequence[Token]) -> str:
    """Returns a text with the JSON functions as calls without clauses.

    Args:
        sql: The text of one or several statements.
        tokens: Its tokens.
    """
    return sql[: tokens[0].start] + _plain(tokens, sql) + sql[tokens[-1].end + 1 :]


def _plain(tokens: Sequence[Token], sql: str) -> str:
    """Returns the text of some tokens that follow each other, with the JSON functions as calls without clauses."""
    kept: list[str] = []
    written = tokens[0].start
    for place in calls(tokens, _FUNCTIONS):
        closing = _closing(tokens, place + 1)
        if tokens[place].start >= written and closing is not None:
            kept += [sql[written : tokens[place].start], _call(tokens[place : closing + 1], sql)]
            written = tokens[closing].end + 1
    return "".join([*kept, sql[written : tokens[-1].end + 1]])


def _closing(tokens: Sequence[Token], opening: int) -> int | None:
    """Returns the place of the parenthesis that closes another one; None if none does."""
    last = max((at for at, _ in inside(tokens, opening)), default=opening)
    return last + 1 if last + 1 < len(tokens) else None


def _call(tokens: Sequence[Token], sql: str) -> str:
    """Returns the call of a JSON function, from its name to its last parenthesis, without clauses."""
    if tokens[0].text.upper() == _TABLE:
        return _table(tokens, sql)
    return f"{_PLAIN}({', '.join(_expressions(tokens[2:-1], sql))})"


def _table(tokens: Sequence[Token], sql: str) -> str:
    """Returns JSON_TABLE without clauses; the values that its path is given are written as parts of the text."""
    columns = next((at for at, depth in inside(tokens, 1) if depth == 1 and _is(tokens[at], "COLUMNS")), None)
    found = _expressions(tokens[2:columns], sql) if columns is not None else []
    if columns is None or len(found) < len(("text", "path")):
        return _text(tokens, sql)
    value, _, *given = found
    if given:
        value = f"concat({', '.join([value, *given])})"
    return f"json_table({value}, 'lax $' COLUMNS ({', '.join(_columns(tokens[columns + 1 :], sql))}))"


def _columns(tokens: Sequence[Token], sql: str) -> Iterator[str]:
    """Yields the columns of a list in parentheses, which these tokens begin with; nested ones stand in their place."""
    for item in _items(tokens):
        nested = _nested(item)
        if nested is not None:
            yield from _columns(item[nested:], sql)
        else:
            is_number = len(item) > 1 and _is(item[1], "FOR")
            yield f"{_text(item[:1], sql)} {'FOR ORDINALITY' if is_number else 'varchar'}"


def _nested(item: Sequence[Token]) -> int | None:
    """Returns the place of the list of columns of `NESTED PATH 'path' COLUMNS (...)`; None of another column."""
    if len(item) < len(("NESTED", "path", "COLUMNS")) or not _is(item[0], "NESTED"):
        return None
    if not _is(item[1], "PATH") and item[1].token_type != TokenType.STRING:
        return None
    return next((at + 1 for at, token in enumerate(item) if _is(token, "COLUMNS")), None)


def _items(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yields the items of a list in parentheses, without the commas between them."""
    begin = end = 1
    for end, depth in inside(tokens, 0):
        if depth == 1 and tokens[end].token_type == TokenType.COMMA:
            yield tokens[begin:end]
            begin = end + 1
    if begin <= end < len(tokens):
        yield tokens[begin : end + 1]


def _expressions(tokens: Sequence[Token], sql: str) -> list[str]:
    """Returns the expressions among the arguments of a JSON function, without the words of its clauses."""
    found: list[list[Token]] = [[]]
    is_clause = False
    depth = 0
    for at, token in enumerate(tokens):
        depth -= token.token_type in CLOSES
        if depth == 0 and (separates := _separates(tokens, at, found[-1])) is not None:
            is_clause = separates
            found.append([])
        elif not is_clause and not (depth == 0 and _is_key(tokens, at, found[-1])):
            found[-1].append(token)
        depth += token.token_type in OPENS
    return [_plain(one, sql) for one in found if one]


def _separates(tokens: Sequence[Token], at: int, before: Sequence[Token]) -> bool | None:
    """Returns True for a word that a clause begins with, False for what stands before an expression, None of others."""
    token, word = tokens[at], tokens[at].text.upper()
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    if token.token_type in _SEPARATORS:
        return False
    if token.token_type in _QUOTED or after is None:
        return None
    if word in _BEGINS_AN_EXPRESSION or (word == "VALUE" and before and after.token_type not in _NO_OPERAND):
        return False
    return True if _begins_clause(token, after) else None


def _begins_clause(token: Token, after: Token) -> bool:
    word = token.text.upper()
    is_behaviour = word in _BEHAVIOURS and after.text.upper() in {"ARRAY", "OBJECT", "ON"}
    is_format = word == "FORMAT" and _is(after, "JSON")
    return word in _CLAUSES or is_behaviour or is_format or is_as(token)


def _is_key(tokens: Sequence[Token], at: int, before: Sequence[Token]) -> bool:
    """True for the word KEY before the key of an object."""
    after = tokens[at + 1] if at + 1 < len(tokens) else None
    return not before and _is(tokens[at], "KEY") and after is not None and after.token_type not in _NO_OPERAND


def _is(token: Token, word: str) -> bool:
    return token.token_type not in _QUOTED and token.text.upper() == word


def _text(tokens: Sequence[Token], sql: str) -> str:
    return sql[tokens[0].start : tokens[-1].end + 1]
