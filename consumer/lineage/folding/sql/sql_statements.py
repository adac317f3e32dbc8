"""The statements of a SQL text: which tables each of them writes and reads.

Like `sql_names` no parser: a scan in time proportional to the text, for names that an event has not resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from consumer.lineage.folding.sql.sql_names import MAX_CHARS, Found, Scanned, Tokens, scan
from schemas.byte_cache import ByteCache

Path = tuple[str, ...]
"""The parts of a table's name as a text spells them, but for quotes."""

_WRITERS = frozenset({"create", "delete", "insert", "merge", "replace", "update", "with", "select"})
"""How a statement begins that reads or writes rows; GRANT, DROP, ANALYZE and the like move none."""

_WRITTEN_AFTER = frozenset({"into", "overwrite", "update"})
_WRITTEN_AFTER_TABLE = frozenset({"create", "insert", "replace"})
_VIEWS = frozenset({"view"})


class Statement(NamedTuple):
    """One statement of a text.

    Attributes:
        writes: The table that it writes; None of a query.
        reads: The tables that it reads, those of its CTEs among them.
        in_ctes: Those of them that its CTEs read.
        is_new: True if it makes the table, so that the text may read it under this name alone.
    """

    writes: Path | None
    reads: tuple[Path, ...]
    in_ctes: tuple[Path, ...]
    is_new: bool


_STATEMENTS: ByteCache[str, tuple[Statement, ...]] = ByteCache(2 * 1024 * 1024)


def statements_in(sql: str) -> tuple[Statement, ...]:
    """Returns the statements of a text that read or write tables; none of one that is longer than MAX_CHARS."""
    if len(sql) > MAX_CHARS:
        return ()
    found = _STATEMENTS.get(sql)
    return _STATEMENTS.put(sql, tuple(_statements(sql)), 6 * len(sql)) if found is None else found


def _statements(sql: str) -> Iterator[Statement]:
    scanned = scan(sql)
    for places in _ranges(scanned.tokens):
        first = next((scanned.tokens.texts[at] for at in places if scanned.tokens.names[at]), "")
        if first in _WRITERS:
            yield _statement(scanned, places, first)


def _ranges(tokens: Tokens) -> Iterator[range]:
    start = 0
    for at, text in enumerate(tokens.texts):
        if text == ";" and not tokens.names[at]:
            yield range(start, at)
            start = at + 1
    yield range(start, len(tokens))


def _statement(scanned: Scanned, places: range, first: str) -> Statement:
    tables = [found for found in scanned.tables if found.at in places]
    written = [found for found in tables if _is_written(found, scanned.tokens, first)]
    writes = written[0].path if written else _view(scanned.tokens, places) if first == "create" else None
    read = [found for found in tables if found not in written]
    bodies = [cte.body for cte in scanned.ctes if cte.body.start in places]
    in_ctes = [found for found in read if _is_in_any(bodies, found)]
    is_new = first == "create" or any(_is_select_into(found, scanned.tokens) for found in written)
    return Statement(writes, _paths(read), _paths(in_ctes), is_new)


def _is_in_any(bodies: Iterable[range], found: Found) -> bool:
    return any(found.at in body for body in bodies)


def _is_written(found: Found, tokens: Tokens, first: str) -> bool:
    if found.after in _WRITTEN_AFTER or (found.after == "table" and first in _WRITTEN_AFTER_TABLE):
        return True
    return tokens.texts[max(found.at - 2, 0) : found.at] == ["delete", "from"]


def _is_select_into(found: Found, tokens: Tokens) -> bool:
    before = tokens.texts[found.at - 2] if found.at > 1 else ""
    return found.after == "into" and before not in {"insert", "merge", "replace"}


def _view(tokens: Tokens, places: range) -> Path | None:
    """Returns the name that CREATE VIEW makes."""
    head = tokens.texts[places.start : places.stop][:6]
    at = next((at for at, word in enumerate(head) if word in _VIEWS), None)
    if at is None:
        return None
    place = places.start + at + 1
    while place < places.stop and tokens.texts[place] in {"if", "not", "exists"}:
        place += 1
    path: list[str] = []
    while place < places.stop and tokens.names[place]:
        path.append(tokens.spelled[place])
        if place + 1 >= places.stop or tokens.texts[place + 1] != ".":
            break
        place += 2
    return tuple(path) or None


def _paths(found: Iterable[Found]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(one.path for one in found))
