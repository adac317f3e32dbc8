"""Names in a SQL text: the tables that it reads or writes, and the names that it defines for itself.

No parser: a scan that takes time in proportion to the text, understands every dialect alike, and is in doubt on the
side of tables. Whoever asks has a name that some other parser found, and wants to know if it is a CTE or an alias.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from schemas.byte_cache import ByteCache

MAX_CHARS = 200_000
"""The longest text that is scanned."""

# Blanks and comments go with the token behind them, the last ones with the empty token at the end.
_TOKEN = re.compile(
    r"""
    (?: \s++ | --[^\n]*+ | /\*(?:.*?\*/|.*) )*+
    (?: ( '(?:[^']++|'')*+'? )
      | ( "(?:[^"]++|"")*+"? | `[^`]*+`? | \[[^\W\d][^\[\]]*+\] )
      | ( [\w$@\#]++ )
      | ( . )
      | \Z )
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
_KEYWORDS = _BEFORE_A_TABLE | _OTHER_CLAUSES
_MARKS = frozenset("(),")
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
        calls: Paths of functions that are called by more than their bare name, in lower case.
    """

    tables: frozenset[tuple[str, ...]]
    defined: frozenset[str]
    spelled: frozenset[tuple[str, ...]] = frozenset()
    calls: frozenset[tuple[str, ...]] = frozenset()

    def has_only_defined(self, name: Sequence[str]) -> bool:
        """True if a name, as its parts, is a CTE or an alias of the text, and no table that it reads."""
        parts = tuple(part.lower() for part in name)
        if not parts or parts[-1] not in self.defined:
            return False
        return not any(parts[-len(path) :] == path or path[-len(parts) :] == parts for path in self.tables)


NO_NAMES = SqlNames(frozenset(), frozenset())


class Tokens:
    """The tokens of a text, by their index; what is asked beyond the end is empty, and no name.

    Attributes:
        texts: In lower case, quoted names without their quotes; a string is a single quote.
        names: True for words and quoted names.
        spelled: Names as they are spelled, but for quotes; empty for all else.
    """

    def __init__(self, sql: str) -> None:
        self.texts: list[str] = []
        self.names: list[bool] = []
        self.spelled: list[str] = []
        for string, quoted, word, mark in _TOKEN.findall(sql):
            if word:
                text, spelled, is_name = word.lower(), word, not word[0].isdigit()
            elif mark:
                text, spelled, is_name = mark, "", False
            elif quoted:
                spelled = quoted[1:].rstrip('"`]').replace('""', '"')
                text, is_name = spelled.lower(), True
            elif string:
                text, spelled, is_name = "'", "", False
            else:
                continue
            self.texts.append(text)
            self.names.append(is_name)
            self.spelled.append(spelled)

    def __len__(self) -> int:
        return len(self.texts)

    def text(self, at: int) -> str:
        """Returns the text of a token."""
        return self.texts[at] if at < len(self.texts) else ""

    def is_name(self, at: int) -> bool:
        """True if a token is a word or a quoted name."""
        return at < len(self.names) and self.names[at]


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
    """The result of a scan of a text; see `SqlNames` for the sum of it."""

    tokens: Tokens
    tables: Sequence[Found]
    ctes: Sequence[Cte]
    aliases: frozenset[str]


_NAMES: ByteCache[str, SqlNames] = ByteCache(1024 * 1024)


def names_in(sql: str) -> SqlNames:
    """Returns the names in a text, in lower case; none for one that is longer than MAX_CHARS."""
    if len(sql) > MAX_CHARS:
        return NO_NAMES
    found = _NAMES.get(sql)
    # An unchanged model has the same SQL in each of its runs.
    return _NAMES.put(sql, _names_in(sql), 3 * len(sql)) if found is None else found


def _names_in(sql: str) -> SqlNames:
    scanned = scan(sql)
    real = frozenset(found.path for found in scanned.tables)
    lower = frozenset(map(lowered, real))
    defined = frozenset(cte.name for cte in scanned.ctes) | scanned.aliases
    return SqlNames(lower, defined, real, frozenset(_calls(scanned.tokens)))


def scan(sql: str) -> Scanned:
    """Returns the tables of a text, each with its place, and the CTEs."""
    tokens = Tokens(sql)
    ctes = list(_ctes(tokens, _closing(tokens))) if "with" in tokens.texts else []
    visible: dict[str, list[range]] = {}
    for cte in ctes:
        visible.setdefault(cte.name, []).append(cte.visible)
    found = _Scan(tokens)
    found.run()
    real = [one for one in found.found if len(one.path) > 1 or not _is_cte(one, visible)]
    return Scanned(tokens, real, ctes, frozenset(found.aliases))


def _is_cte(found: Found, visible: Mapping[str, Sequence[range]]) -> bool:
    return any(found.at in places for places in visible.get(found.path[0].lower(), ()))


def lowered(path: Sequence[str]) -> tuple[str, ...]:
    """Returns the parts of a name in lower case."""
    return tuple(part.lower() for part in path)


def quoted(path: Iterable[str]) -> str:
    """Returns the parts of a name as SQL spells them exactly."""
    return ".".join(f'"{part}"' for part in path)


def _calls(tokens: Tokens) -> Iterator[tuple[str, ...]]:
    """Yields the paths of several parts that an opening parenthesis follows."""
    for index, text in enumerate(tokens.texts):
        if text == "(" and not tokens.names[index]:
            path = _path_before(tokens, index)
            if len(path) > 1:
                yield path


def _path_before(tokens: Tokens, end: int) -> tuple[str, ...]:
    """Returns the parts of the path that ends before a place; empty if none does."""
    path: list[str] = []
    at = end - 1
    has_dot = True
    while at >= 0:
        if tokens.names[at] and has_dot:
            path.append(tokens.texts[at])
            has_dot = False
        elif tokens.texts[at] == "." and not tokens.names[at]:
            has_dot = True
        else:
            break
        at -= 1
    return tuple(reversed(path))


def _closing(tokens: Tokens) -> dict[int, int]:
    """For each opening parenthesis the index of the one that closes it, or of the end."""
    open_at: list[int] = []
    closing: dict[int, int] = {}
    for index, text in enumerate(tokens.texts):
        if text == "(" and not tokens.names[index]:
            open_at.append(index)
        elif text == ")" and open_at and not tokens.names[index]:
            closing[open_at.pop()] = index
    return closing | dict.fromkeys(open_at, len(tokens))


def _ctes(tokens: Tokens, closing: dict[int, int]) -> Iterator[Cte]:
    """Yields the CTEs, each with the places at which its name is known."""
    ends: list[int] = []
    for index, text in enumerate(tokens.texts):
        if index in closing:
            ends.append(closing[index])
        while ends and index >= ends[-1]:
            ends.pop()
        if text == "with":
            yield from _ctes_of(tokens, closing, index + 1, ends[-1] if ends else len(tokens))


def _ctes_of(tokens: Tokens, closing: dict[int, int], at: int, end: int) -> Iterator[Cte]:
    """Yields the CTEs of one WITH, which are known up to the end of its query."""
    recursive = tokens.text(at) == "recursive"
    at += recursive
    while tokens.is_name(at):
        body = at + 1
        body = closing.get(body, body - 1) + 1  # A list of columns, if there is one.
        while tokens.text(body) in {"as", "not", "materialized"}:
            body += 1
        if body not in closing:
            return
        yield Cte(tokens.texts[at], range(body if recursive else closing[body], end), range(body, closing[body]))
        if tokens.text(closing[body] + 1) != ",":
            return
        at = closing[body] + 2


def _condition_at(tokens: Tokens, at: int) -> int:
    """Counts the tokens that IF NOT EXISTS or IF EXISTS takes at a place, before a name."""
    if tokens.texts[at] != "if":
        return 0
    words = tokens.texts[at : at + 4]
    for condition in (["if", "not", "exists"], ["if", "exists"]):
        if words[: len(condition)] == condition and len(words) > len(condition):
            return len(condition)
    return 0


class _Scan:
    """The scan for tables: where FROM and its like are, and what follows them."""

    def __init__(self, tokens: Tokens) -> None:
        self.found: list[Found] = []
        self.aliases: set[str] = set()
        self._tokens = tokens
        self._in_from = [False]
        self._is_query = [True]
        self._after = [""]
        self._expected = False

    def run(self) -> None:
        """Looks at each token once."""
        after = 0
        for index, (text, is_name) in enumerate(zip(self._tokens.texts, self._tokens.names, strict=True)):
            if index < after:
                continue
            if is_name:
                if self._expected and text not in _NO_ALIAS:
                    after = self._table(index + _condition_at(self._tokens, index))
                elif text in _KEYWORDS:
                    self._keyword(text, index)
            elif text in _MARKS:
                self._mark(text, index)

    def _keyword(self, word: str, index: int) -> None:
        if word == "select":
            self._is_query[-1] = True
        if word in _BEFORE_A_TABLE:
            # Within a call, as of EXTRACT or TRIM, and in IS DISTINCT FROM, FROM is before a value.
            is_clause = self._is_query[-1] and not (index and self._tokens.texts[index - 1] == "distinct")
            self._in_from[-1] = self._expected = is_clause
            self._after[-1] = word
        else:
            self._in_from[-1] = self._expected = False

    def _mark(self, mark: str, index: int) -> None:
        if mark == "(":
            is_call = index > 0 and self._tokens.names[index - 1] and self._tokens.texts[index - 1] not in _NO_ALIAS
            self._is_query.append(not is_call)
            self._in_from.append(self._expected)
            self._after.append(self._after[-1])
        elif mark == ")":
            self._in_from = self._in_from[:-1] or [False]
            self._is_query = self._is_query[:-1] or [True]
            self._after = self._after[:-1] or [""]
            self._expected = False
            self._alias(index + 1)
        else:
            self._expected = self._in_from[-1]

    def _table(self, start: int) -> int:
        """Takes the path that begins at a place; returns the place behind it."""
        end, path = start, [self._tokens.spelled[start]]
        while self._tokens.text(end + 1) == "." and end + 2 < len(self._tokens):
            end += 2
            path.append(self._tokens.spelled[end])
        is_call = self._tokens.text(end + 1) == "(" and self._after[-1] not in _BEFORE_A_LIST
        if not is_call:  # A function is no table.
            self.found.append(Found(start, tuple(path), self._after[-1]))
        self._alias(end + 1)
        self._expected = False
        return end + 1

    def _alias(self, at: int) -> None:
        at += self._tokens.text(at) == "as"
        if self._tokens.is_name(at) and self._tokens.texts[at] not in _NO_ALIAS:
            self.aliases.add(self._tokens.texts[at])
