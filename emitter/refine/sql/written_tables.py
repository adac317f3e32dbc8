"""The tables that the statements of a text write, each with its sources: for SQL that is not a model's."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from emitter.refine.sql.columns import UNFORESEEN, result_of
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.sql.preparation import prepared
from emitter.refine.sql.queries import read_query
from emitter.refine.sql.relations import Relation, Tables
from emitter.refine.sql.scopes import Context, Scope
from emitter.refine.sql.shapes import part_of
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood
from emitter.refine.sql.statements import Written, write

NOWHERE = ".."
"""The target of a statement that names what it writes itself: nothing is completed by it."""

_RUNS_OTHER_SQL = frozenset({"CALL", "DO", "EXECUTE"})


class TableWritten(NamedTuple):
    """A table that a statement writes.

    Attributes:
        name: Its full name, or a location in an object store.
        lineage: The lineage of its columns.
        sources: The full names of the tables that feed it, without itself.
        files: The locations in an object store that feed it.
    """

    name: str
    lineage: ColumnLineage
    sources: tuple[str, ...]
    files: tuple[str, ...] = ()


class _One(NamedTuple):
    written: Written
    lineage: ColumnLineage
    behind: tuple[str, ...]
    files: tuple[str, ...]
    is_temporary: bool
    adds_rows: bool


def tables_written(sql: str, dialect: str, tables: Tables) -> list[TableWritten]:
    """Returns the tables that a text writes, in its order.

    Args:
        sql: One or several statements. Those that move no rows, such as GRANT or ANALYZE, write nothing.
        dialect: sqlglot's name of the dialect.
        tables: The known tables of the project.

    Raises:
        SqlNotUnderstood: The text can't be parsed, runs SQL from elsewhere, or names a table in part.
    """
    try:
        found = [_table(one, tables) for one in _read(sql, dialect, tables) if not one.is_temporary]
    except (SqlglotError, RecursionError, *UNFORESEEN) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SqlNotUnderstood(f"sqlglot can't read it as {dialect}: {reason}") from error
    return [table for table in found if table is not None]


def _read(sql: str, dialect: str, tables: Tables) -> Iterator[_One]:
    made: dict[tuple[str, ...], Relation] = {}
    behind: dict[tuple[str, ...], tuple[str, ...]] = {}
    text = prepared(sql, dialect)
    for statement in sqlglot.parse(text, dialect=dialect):
        _require_plain(statement)
        context = Context(dialect, tables, NOWHERE, read_query, part_of, text, accept_undeclared=True, made=made)
        if statement is None or (written := write(statement, Scope(context))) is None or not written.name:
            continue
        made[written.name] = written.relation
        if written.fills:
            lineage, found = result_of([written.relation], context), tuple(_behind(statement, behind))
            is_temporary = statement.find(exp.TemporaryProperty) is not None
            behind[written.name] = (*lineage.tables, *lineage.undeclared, *found) if is_temporary else ()
            adds_rows = not isinstance(statement, exp.Delete | exp.Update)
            yield _One(written, lineage, found, tuple(_files(statement)), is_temporary, adds_rows)


def _behind(statement: Any, known: Mapping[tuple[str, ...], tuple[str, ...]]) -> Iterator[str]:
    """Yields the tables behind the temporary tables that a statement names."""
    for table in statement.find_all(exp.Table):
        yield from known.get(tuple(part.name.lower() for part in table.parts), ())


def _require_plain(statement: Any) -> None:
    if not isinstance(statement, exp.Command):
        return
    word, rest = str(statement.this).upper(), str(statement.args.get("expression") or "").upper().split()
    if word in _RUNS_OTHER_SQL or (word == "ALTER" and "APPEND" in rest):
        raise SqlNotUnderstood(f"what {word} does is not in its text")


def _files(statement: Any) -> Iterable[str]:
    files = statement.args.get("files") or () if isinstance(statement, exp.Copy) else ()
    return (file.name for file in files if isinstance(file, exp.Literal))


def _table(one: _One, tables: Tables) -> TableWritten | None:
    name = _full_name(one.written.name, tables)
    if name is None:
        raise SqlNotUnderstood(f"it is not certain which table {'.'.join(one.written.name)} is")
    origins = (origin for found in (*one.lineage.columns.values(), one.lineage.whole) for origin in found)
    named = (*one.lineage.tables, *one.lineage.undeclared, *(origin.table for origin in origins), *one.behind)
    sources = tuple(table for table in dict.fromkeys(named) if table != name)
    if not (sources or one.files or one.adds_rows):
        return None
    return TableWritten(name, one.lineage, sources, one.files)


def _full_name(parts: tuple[str, ...], tables: Tables) -> str | None:
    if len(parts) == 1 and "://" in parts[0]:
        return parts[0]
    return tables.find(parts, NOWHERE) or tables.find(_completed(parts, tables), NOWHERE) or tables.undeclared(parts)


def _completed(parts: tuple[str, ...], tables: Tables) -> tuple[str, ...]:
    name = tables.undeclared(parts)
    return tuple(name.lower().split(".")) if name is not None else parts
