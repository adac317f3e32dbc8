"""Statements that sqlglot can't read, written in a way that it can, without a change to what they read and write.

- Redshift's `UNLOAD ('query') TO 'place'` and Athena's `UNLOAD (query) TO 'place'` become a table of the place's name.
- Redshift's attributes of a table (`SORTKEY AUTO`, `INTERLEAVED SORTKEY (a)`, `ENCODE AUTO`) are left out.
- `MERGE ... REMOVE DUPLICATES` inserts the source's rows.
- Athena's `USING EXTERNAL FUNCTION ...` before a query declares a function, and is left out.
- `PRIOR x` beside CONNECT BY is `x` of another row.
- Trino's `ROW(a AS x)` is a struct (`named_rows`).
- SQL's JSON functions lose their clauses (`json_functions`).
- Trino's query `TABLE t` is spelled out, and `TABLE(f(...))` is a call of another name (`table_words`).
- `SUBSET u = (a, b)` of MATCH_RECOGNIZE is left out, and its name stands for the first of its variables.
- Redshift's `UNNEST(...) WITH OFFSET` is WITH ORDINALITY (`unnest_offsets`).
- A lambda of Trino without parameters gets one.
- Redshift's `@ x`, the absolute value, is `- x`.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType
from sqlglot.parser import Parser

from emitter.refine.sql.statements import unnest_offsets
from emitter.refine.sql.statements.json_functions import may_have_json_functions, with_plain_calls
from emitter.refine.sql.statements.named_rows import may_have_them, with_structs
from emitter.refine.sql.statements.table_words import may_name_tables, with_named_tables
from emitter.refine.sql.statements.token_places import TRINO

# Few texts have any of it, and only those are taken apart.
_CONCERNED = re.compile(
    r"\bunload\b|\bremove\s+duplicates\b|\bsortkey\b|\bencode\s+auto\b|\bdistkey\b|\busing\s+(?:external\s+)?function\b"
    r"|\bconnect\s+by\b|\bcreate\s+local\b|@\s*[\w(\"]",
    re.IGNORECASE,
)
# sqlglot's tokenizer takes UNLOAD for a command, and all that follows for one text.
_UNLOAD = re.compile(r"\bunload(?=\s*\()", re.IGNORECASE)
_A_NAME = "un_oad"
_BEGINS_A_VALUE = frozenset({*Parser.ID_VAR_TOKENS, TokenType.IDENTIFIER, TokenType.L_PAREN, TokenType.VAR})
_OPEN, _CLOSE = TokenType.L_PAREN, TokenType.R_PAREN
_ATTRIBUTES_OF_COLUMNS = frozenset({"DISTKEY", "ENCODE", "SORTKEY"})
_BEGINS_A_STATEMENT = frozenset({"CREATE", "DELETE", "INSERT", "MERGE", "SELECT", "UPDATE", "WITH"})


_SUBSET = re.compile(
    r"\bsubset\s+(?=\w+\s*=\s*\()((?:\s*,?\s*\w+\s*=\s*\([\w\s,]*\))+)(?=\s*(?:define\b|\)))", re.IGNORECASE
)
_NO_PARAMETERS = re.compile(r"\(\s*\)\s*->")
_NO_NAME = '"()"'
_OF_SUBSET = re.compile(r"(\w+)\s*=\s*\(\s*(\w+)")


def prepared(sql: str, dialect: str) -> str:
    """Returns a text of one or several statements as sqlglot can read it.

    Raises:
        SqlglotError: if it can't be taken apart.
    """
    if dialect in TRINO:
        sql = _of_trino(sql, dialect)
    elif unnest_offsets.may_have_them(sql):
        sql = unnest_offsets.with_ordinality(sql, _tokens(sql, dialect))
    if (subset := _SUBSET.search(sql)) is not None:
        sql = _without_subset(sql, subset)
    if not _CONCERNED.search(sql):
        return sql
    statements = _statements(_tokens(sql, dialect))
    if dialect == "redshift":
        sql = _with_minus(statements, sql)
    for tokens in statements:
        if any(token.token_type == TokenType.CONNECT_BY for token in tokens):
            sql = _without_prior(tokens, sql)
    return ";\n".join(_statement(tokens, sql) for tokens in statements if tokens)


def _statements(tokens: Iterable[Token]) -> list[list[Token]]:
    """Returns the tokens of each statement, without the semicolons."""
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            statements.append([])
        else:
            statements[-1].append(token)
    return statements


def _of_trino(sql: str, dialect: str) -> str:
    if may_have_them(sql):
        sql = with_structs(sql, _tokens(sql, dialect))
    if may_have_json_functions(sql):
        sql = with_plain_calls(sql, _tokens(sql, dialect))
    if may_name_tables(sql):
        sql = with_named_tables(sql, _tokens(sql, dialect))
    if _NO_PARAMETERS.search(sql):
        sql = _with_a_parameter(sql, _tokens(sql, dialect))
    return sql


def _with_a_parameter(sql: str, tokens: Sequence[Token]) -> str:
    """Returns a text whose lambdas all have a parameter, as sqlglot wants it; nothing has the name that it gets."""
    for place in range(len(tokens) - 2, 0, -1):
        kinds = tuple(token.token_type for token in tokens[place - 1 : place + 2])
        if kinds == (TokenType.L_PAREN, TokenType.R_PAREN, TokenType.ARROW):
            start = tokens[place].start
            sql = f"{sql[:start]}{_NO_NAME}{sql[start:]}"
    return sql


def _tokens(sql: str, dialect: str) -> list[Token]:
    return sqlglot.tokenize(_UNLOAD.sub(_A_NAME, sql), read=dialect)


def _statement(tokens: Sequence[Token], sql: str) -> str:
    words = [token.text.upper() for token in tokens]
    whole = _text(tokens, sql)
    if words[0] == _A_NAME.upper():
        return _unloaded(tokens, sql) or whole
    if words[0] == "USING" and "FUNCTION" in words[1:3]:
        return _text(tokens[_first_of_query(tokens, words) :], sql)
    if words[0] == "CREATE":
        return _without_attributes(tokens, words, sql) or whole
    if words[0] == "MERGE" and words[-2:] == ["REMOVE", "DUPLICATES"]:
        return f"{_text(tokens[:-2], sql)} WHEN NOT MATCHED THEN INSERT ROW"
    return whole


def _without_subset(sql: str, subset: re.Match[str]) -> str:
    """Returns a text with the variables of a pattern in place of the names that SUBSET gives to several of them."""
    names = {name.lower(): first for name, first in _OF_SUBSET.findall(subset[1])}
    rest = sql[: subset.start()] + sql[subset.end() :]
    used = re.compile(rf"\b({'|'.join(map(re.escape, names))})(?=\s*\.)", re.IGNORECASE)
    return used.sub(lambda found: names[found[1].lower()], rest)


def _with_minus(statements: Sequence[Sequence[Token]], sql: str) -> str:
    """Returns a text in which the operator `-` stands for `@`, which sqlglot takes for the mark of a parameter."""
    for tokens in statements:
        for token, after in pairwise(tokens):
            if token.token_type == TokenType.PARAMETER and after.token_type in _BEGINS_A_VALUE:
                sql = f"{sql[: token.start]}-{sql[token.end + 1 :]}"
    return sql


def _without_prior(tokens: Sequence[Token], sql: str) -> str:
    """Returns a text in which blanks stand for the operator PRIOR, which sqlglot reads in CONNECT BY alone."""
    for token, after in pairwise(tokens):
        is_operator = token.text.upper() == "PRIOR" and token.token_type == TokenType.VAR
        if is_operator and after.token_type in _BEGINS_A_VALUE:
            sql = sql[: token.start] + " " * (token.end + 1 - token.start) + sql[token.end + 1 :]
    return sql


def _text(tokens: Sequence[Token], sql: str) -> str:
    return sql[tokens[0].start : tokens[-1].end + 1] if tokens else ""


def _unloaded(tokens: Sequence[Token], sql: str) -> str | None:
    if len(tokens) < 4 or tokens[1].token_type != _OPEN:  # noqa: PLR2004 # UNLOAD ( query )
        return None
    end = _closing(tokens, 1)
    inner = tokens[2:end]
    # A query in quotes, as Redshift has it, is one token so far.
    query = prepared(inner[0].text, "redshift") if len(inner) == 1 else _text(inner, sql)
    place = tokens[end + 2].text if len(tokens) > end + 2 else "unloaded"
    name = place.replace('"', "")
    return f'CREATE TABLE "{name}" AS {query.strip().rstrip(";")}'


def _closing(tokens: Sequence[Token], opening: int) -> int:
    """Returns the place of the parenthesis that closes another one; the last token if none does."""
    depth = 0
    for place in range(opening, len(tokens)):
        kind = tokens[place].token_type
        depth += (kind == _OPEN) - (kind == _CLOSE)
        if depth == 0:
            return place
    return len(tokens) - 1


def _first_of_query(tokens: Sequence[Token], words: Sequence[str]) -> int:
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.token_type == _OPEN) - (token.token_type == _CLOSE)
        # An option of the function begins with WITH too, and then with a parenthesis.
        option = words[place] == "WITH" and words[place + 1 : place + 2] == ["("]
        if depth == 0 and words[place] in _BEGINS_A_STATEMENT and not option:
            return place
    return 0


def _without_attributes(tokens: Sequence[Token], words: Sequence[str], sql: str) -> str | None:
    """A CREATE TABLE without what follows the table's name or its list of columns, up to the query if there is one."""
    if "TABLE" not in words and "VIEW" not in words:
        return None
    place = min(words.index(kind) for kind in ("TABLE", "VIEW") if kind in words) + 1
    if words[place : place + 3] == ["IF", "NOT", "EXISTS"]:
        place += 3
    while words[place + 1 : place + 2] == ["."]:
        place += 2
    # LOCAL is the default of a temporary table.
    begin = " ".join(words[: words.index("LOCAL")]) if "LOCAL" in words[:2] else ""
    head = f"{begin} {_text(tokens[2 if begin else 0 : place + 1], sql)}"
    if words[place + 1 : place + 2] == ["("]:
        closing = _closing(tokens, place + 1)
        head += _columns(tokens[place + 1 : closing + 1], sql)
        place = closing
    query = _query_after(tokens, words, place + 1)
    rest = "" if query is None else _text(tokens[query:], sql)
    return f"{head} {rest}"


def _columns(tokens: Sequence[Token], sql: str) -> str:
    """Returns a list of columns without the attributes that concern keys and encoding."""
    kept: list[str] = []
    skip = False
    for token in tokens:
        word = token.text.upper()
        if not skip and word not in _ATTRIBUTES_OF_COLUMNS:
            kept.append(sql[token.start : token.end + 1])
        skip = word == "ENCODE"
    return " ".join(kept)


def _query_after(tokens: Sequence[Token], words: Sequence[str], start: int) -> int | None:
    depth = 0
    for place in range(start, len(tokens)):
        depth += (tokens[place].token_type == _OPEN) - (tokens[place].token_type == _CLOSE)
        if depth == 0 and words[place] == "AS":
            return place
    return None
