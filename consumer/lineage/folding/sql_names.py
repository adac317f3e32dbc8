"""Names in a SQL text: the tables that it reads or writes, and the names that it defines for itself.

No parser: a scan that takes time in proportion to the text, understands every dialect alike, and is in doubt on the
side of tables. Whoever asks has a name that some other parser found, and wants to know if it is a CTE or an alias.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.byte_cache import ByteCache

MAX_CHARS = 200_000
"""The longest text that is scanned."""

_TOKEN = re.compile(
    r"""
    (?P<skip> \s+ | --[^\n]* | /\*(?:.*?\*/|.*) )
    | (?P<text> '(?:[^']|'')*'? )
    | (?P<quoted> "(?:[^"]|"")*"? | `[^`]*`? | \[[^\W\d][^\[\]]*\] )
    | (?P<word> [\w$@\#]+ )
    | (?P<mark> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE_A_TABLE = frozenset({"from", "join", "into", "update", "using", "table", "overwrite"})
_BEFORE_A_LIST = frozenset({"into", "table", "overwrite"})
"""What comes before a table that a list of columns may follow."""
_OTHER_CLAUSES = frozenset(
    {"select", "where", "on", "group", "order", "having", "limit", "union", "intersect", "except", "set", "values"}
    | {"qualify", "window", "when", "returning", "with"}
)
_NO_ALIAS = (
    _BEFORE_A_TABLE
    | _OTHER_CLAUSES
    | {"as", "inner", "left", "right", "full", "cross", "natural", "lateral", "outer", "anti", "semi", "asof", "only"}
    | {"insert", "delete", "merge", "create", "truncate", "then", "end", "and", "or", "is", "in", "not", "null"}
    | {"tablesample", "pivot", "unpivot", "for", "match_recognize", "fetch", "offset", "minus", "cluster", "distribute"}
)


class SqlNames(NamedTuple):
    """What a text names.

    Attributes:
        tables: Paths of tables, each as its parts; a CTE or an alias is none.
        defined: The CTEs and aliases.
        spelled: The same tables as the text spells them, but for quotes.
    """

    tables: frozenset[tuple[str, ...]]
    defined: frozenset[str]
    spelled: frozenset[tuple[str, ...]] = frozenset()

    def has_only_defined(self, name: Sequence[str]) -> bool:
        """True if a name, as its parts, is a CTE or an alias of the text, and no table that it reads."""
        parts = tuple(part.lower() for part in name)
        if not parts or parts[-1] not in self.defined:
            return False
        return not any(parts[-len(path) :] == path or path[-len(parts) :] == parts for path in self.tables)


NO_NAMES = SqlNames(frozenset(), frozenset())


class Token(NamedTuple):
    """A word or a mark of a text.

    Attributes:
        text: In lower case.
        is_name: True if it may be a name or a keyword.
        spelled: A name as the text spells it, but for quotes.
    """

    text: str
    is_name: bool
    spelled: str = ""


class Cte(NamedTuple):
    """A common table expression.

    Attributes:
        name: Its name in lower case.
        visible: The places at which it is known, as positions of tokens.
        body: The places of its query.
    """

    name: str
    visible: range
    body: range


class Found(NamedTuple):
    """A path at a place where a table may stand.

    Attributes:
        at: The position of its first token.
        path: Its parts as the text spells them.
        after: The keyword that it follows; in a list, that before the list.
    """

    at: int
    path: tuple[str, ...]
    after: str


class Scanned(NamedTuple):
    """What a scan of a text has found; see `SqlNames` for the sum of it."""

    tokens: Sequence[Token]
    tables: Sequence[Found]
    ctes: Sequence[Cte]
    aliases: frozenset[str]


_NAMES: ByteCache[str, SqlNames] = ByteCache(6 * 1024 * 1024)


def names_in(sql: str) -> SqlNames:
    """The names in a text, in lower case; none for one that is longer than MAX_CHARS."""
    if len(sql) > MAX_CHARS:
        return NO_NAMES
    found = _NAMES.get(sql)
    # An unchanged model has the same SQL in each of its runs.
    return _NAMES.put(sql, _names_in(sql), 3 * len(sql)) if found is None else found


def _names_in(sql: str) -> SqlNames:
    scanned = scan(sql)
    real = frozenset(found.path for found in scanned.tables)
    lower = frozenset(tuple(part.lower() for part in path) for path in real)
    return SqlNames(lower, frozenset(cte.name for cte in scanned.ctes) | scanned.aliases, real)


def scan(sql: str) -> Scanned:
    """The tables of a text, each with its place, and the CTEs."""
    tokens = list(_tokens(sql))
    closing = _closing(tokens)
    ctes = list(_ctes(tokens, closing))
    found = _Scan(tokens)
    found.run()
    visible: dict[str, list[range]] = {}
    for cte in ctes:
        visible.setdefault(cte.name, []).append(cte.visible)
    real = [
        one
        for one in found.found
        if len(one.path) > 1 or not any(one.at in places for places in visible.get(one.path[0].lower(), ()))
    ]
    return Scanned(tokens, real, ctes, frozenset(found.aliases))


def _tokens(sql: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(sql):
        text, kind = match[0], match.lastgroup
        if kind == "quoted":
            inner = text[1:].rstrip('"`]').replace('""', '"')
            yield Token(inner.lower(), is_name=True, spelled=inner)
        elif kind == "word":
            yield Token(text.lower(), is_name=not text[0].isdigit(), spelled=text)
        elif kind != "skip":
            yield Token(text if kind == "mark" else "'", is_name=False)


def _closing(tokens: Sequence[Token]) -> dict[int, int]:
    """For each opening parenthesis the index of the one that closes it, or of the end."""
    open_at: list[int] = []
    closing: dict[int, int] = {}
    for index, token in enumerate(tokens):
        if token.text == "(" and not token.is_name:
            open_at.append(index)
        elif token.text == ")" and open_at and not token.is_name:
            closing[open_at.pop()] = index
    return closing | dict.fromkeys(open_at, len(tokens))


def _ctes(tokens: Sequence[Token], closing: dict[int, int]) -> Iterator[Cte]:
    """The CTEs, each with the places at which its name is known."""
    ends: list[int] = []
    for index, token in enumerate(tokens):
        if index in closing:
            ends.append(closing[index])
        while ends and index >= ends[-1]:
            ends.pop()
        if token.text == "with":
            yield from _ctes_of(tokens, closing, index + 1, ends[-1] if ends else len(tokens))


def _ctes_of(tokens: Sequence[Token], closing: dict[int, int], at: int, end: int) -> Iterator[Cte]:
    """The CTEs of one WITH, which are known up to the end of its query."""
    recursive = _text(tokens, at) == "recursive"
    at += recursive
    while at < len(tokens) and tokens[at].is_name:
        name, body = tokens[at].text, at + 1
        body = closing.get(body, body - 1) + 1  # A list of columns, if there is one.
        while _text(tokens, body) in {"as", "not", "materialized"}:
            body += 1
        if body not in closing:
            return
        yield Cte(name, range(body if recursive else closing[body], end), range(body, closing[body]))
        if _text(tokens, closing[body] + 1) != ",":
            return
        at = closing[body] + 2


def _condition_at(tokens: Sequence[Token], at: int) -> int:
    """How many tokens IF NOT EXISTS or IF EXISTS takes at a place, before a name."""
    words = [token.text for token in tokens[at : at + 4]]
    for condition in (["if", "not", "exists"], ["if", "exists"]):
        if words[: len(condition)] == condition and len(words) > len(condition):
            return len(condition)
    return 0


def _text(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].text if at < len(tokens) else ""


class _Scan:
    """The scan for tables: where FROM and its like are, and what follows them."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.found: list[Found] = []
        self.aliases: set[str] = set()
        self._tokens = tokens
        self._in_from = [False]
        self._is_query = [True]
        self._after = [""]
        self._expected = False

    def run(self) -> None:
        """Looks at each token once."""
        index = 0
        while index < len(self._tokens):
            token = self._tokens[index]
            if self._expected and token.is_name and token.text not in _NO_ALIAS:
                index = self._table(index + _condition_at(self._tokens, index))
            elif token.is_name:
                self._keyword(token.text, index)
            else:
                self._mark(token.text, index)
            index += 1

    def _keyword(self, word: str, index: int) -> None:
        if word == "select":
            self._is_query[-1] = True
        if word in _BEFORE_A_TABLE:
            # Within a call, as of EXTRACT or TRIM, and in IS DISTINCT FROM, FROM is before a value.
            is_clause = self._is_query[-1] and not (index and self._tokens[index - 1].text == "distinct")
            self._in_from[-1] = self._expected = is_clause
            self._after[-1] = word
        elif word in _OTHER_CLAUSES:
            self._in_from[-1] = self._expected = False

    def _mark(self, mark: str, index: int) -> None:
        if mark == "(":
            before = self._tokens[index - 1] if index else None
            is_call = before is not None and before.is_name and before.text not in _NO_ALIAS
            self._is_query.append(not is_call)
            self._in_from.append(self._expected)
            self._after.append(self._after[-1])
        elif mark == ")":
            self._in_from = self._in_from[:-1] or [False]
            self._is_query = self._is_query[:-1] or [True]
            self._after = self._after[:-1] or [""]
            self._expected = False
            self._alias(index + 1)
        elif mark == ",":
            self._expected = self._in_from[-1]

    def _table(self, start: int) -> int:
        """Takes the path that begins at a place; returns where it ends."""
        end, path = start, [self._tokens[start].spelled]
        while _text(self._tokens, end + 1) == "." and end + 2 < len(self._tokens):
            end += 2
            path.append(self._tokens[end].spelled)
        is_call = _text(self._tokens, end + 1) == "(" and self._after[-1] not in _BEFORE_A_LIST
        if not is_call:  # A function is no table.
            self.found.append(Found(start, tuple(path), self._after[-1]))
        self._alias(end + 1)
        self._expected = False
        return end

    def _alias(self, at: int) -> None:
        at += _text(self._tokens, at) == "as"
        if at < len(self._tokens) and self._tokens[at].is_name and self._tokens[at].text not in _NO_ALIAS:
            self.aliases.add(self._tokens[at].text)
