"""The tables that the statements of a text write, each with its sources: for SQL that is not a model's."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from emitter.refine.sql.columns import UNFORESEEN, result_of
from emitter.refine.sql.expressions.shapes import part_of
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.sql.origins import NONE
from emitter.refine.sql.queries import read_query
from emitter.refine.sql.relations import Column, Columns, Relation, Tables
from emitter.refine.sql.scopes import Context, Scope
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood, reason_of
from emitter.refine.sql.statements.preparation import prepared
from emitter.refine.sql.statements.replaced_tables import (
    Name,
    Renaming,
    altered,
    emptied,
    parts_of,
    renaming,
    with_changes,
)
from emitter.refine.sql.statements.statement_writes import Written, write

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
    """A statement that fills a table: with what, and from which tables behind temporary ones and which files."""

    written: Written
    context: Context
    lineage: ColumnLineage
    behind: tuple[str, ...]
    files: tuple[str, ...]
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
        text = _Text(prepared(sql, dialect), dialect, tables)
        statements = list(filter(None, sqlglot.parse(text.sql, dialect=dialect)))
        text.passing = _passing(statements)
        for statement in statements:
            _require_plain(statement)
            text.take(statement)
        found = [_table(one, tables) for one in text.filled]
    except (SqlglotError, RecursionError, *UNFORESEEN) as error:
        raise SqlNotUnderstood(f"sqlglot can't read it as {dialect}: {reason_of(error)}") from error
    return [table for table in found if table is not None]


class _Text:
    """The statements of a text so far.

    Args:
        sql: The text.
        dialect: sqlglot's name of the dialect.
        tables: The known tables of the project.

    Attributes:
        filled: The statements that fill tables which outlive the text.
        passing: The tables that do not outlive it.
    """

    def __init__(self, sql: str, dialect: str, tables: Tables) -> None:
        self.sql = sql
        self.filled: list[_One] = []
        self.passing: set[Name] = set()
        self._dialect, self._tables = dialect, tables
        self._made: dict[Name, Relation] = {}
        # The tables behind each of those that do not outlive the text.
        self._behind: dict[Name, tuple[str, ...]] = {}

    def take(self, statement: Any) -> None:
        """Processes a statement."""
        if (renamed := renaming(statement)) is not None:
            self._rename(renamed)
        if (changed := altered(statement)) is not None:
            self._alter(changed, statement)
        for name in emptied(statement):
            self.filled = [one for one in self.filled if one.written.name != name]
        context = Context(
            self._dialect, self._tables, NOWHERE, read_query, part_of, self.sql, accept_undeclared=True, made=self._made
        )
        written = write(statement, Scope(context))
        if written is not None and written.name:
            self._keep(written)
            if written.fills:
                self._fill(statement, written, context)

    def _fill(self, statement: Any, written: Written, context: Context) -> None:
        lineage = result_of([written.relation], context)
        named = (parts_of(table) for table in statement.find_all(exp.Table))
        behind = tuple(source for name in named if name != written.name for source in self._behind.get(name, ()))
        if written.name in self.passing:
            before = self._behind.get(written.name, ())
            self._behind[written.name] = (*before, *lineage.tables, *lineage.undeclared, *behind)
        else:
            adds_rows = not isinstance(statement, exp.Delete | exp.Update)
            self.filled.append(_One(written, context, lineage, behind, tuple(_files(statement)), adds_rows))

    def _keep(self, written: Written) -> None:
        """Makes the columns of a table known to later statements."""
        name = _full_name(written.name, self._tables) if written.name not in self.passing else None
        if name is None:
            self._made[written.name] = written.relation
        elif written.makes:
            columns = tuple(column.name for column in written.relation.columns if column.name)
            known = {name: Columns(columns, complete=written.relation.complete)}
            self._tables = self._tables.seen_with(known)

    def _alter(self, name: Name, statement: Any) -> None:
        """Changes the columns of a table, those that were filled before and those that later statements read."""
        if name in self._made:
            self._made[name] = with_changes(self._made[name], statement, str.lower)
        full = _full_name(name, self._tables) if name not in self.passing else None
        if full is not None and (known := self._tables.columns(full)).names:
            before = Relation(tuple(Column(column, NONE) for column in known.names))
            names = tuple(column.name for column in with_changes(before, statement, str.lower).columns)
            self._tables = self._tables.seen_with({full: Columns(names, complete=known.complete)})
        self.filled = [_changed(one, statement) if one.written.name == name else one for one in self.filled]

    def _rename(self, renamed: Renaming) -> None:
        if renamed.old in self.passing:
            self.passing.add(renamed.new)
        for known in (self._made, self._behind):
            _move(known, renamed)
        self.filled = [
            one._replace(written=one.written._replace(name=renamed.new)) if one.written.name == renamed.old else one
            for one in self.filled
        ]


def _changed(one: _One, statement: Any) -> _One:
    relation = with_changes(one.written.relation, statement, one.context.fold)
    lineage = result_of([relation], one.context)
    return one._replace(written=one.written._replace(relation=relation), lineage=lineage)


def _move(known: dict[Name, Any], renamed: Renaming) -> None:
    if renamed.old in known:
        known[renamed.new] = known.pop(renamed.old)


def _passing(statements: Iterable[Any]) -> set[Name]:
    """Returns the tables that a text makes and that do not outlive it: temporary ones, and those that it drops."""
    made: set[Name] = set()
    passing: set[Name] = set()
    for statement in statements:
        if (name := _made_by(statement)) is not None:
            made.add(name)
            passing.discard(name)
            if name[-1].startswith("#") or statement.find(exp.TemporaryProperty) is not None:
                passing.add(name)
        elif isinstance(statement, exp.Drop):
            passing |= made.intersection(emptied(statement))
    return passing


def _made_by(statement: Any) -> Name | None:
    """Returns the name of the table that a statement makes."""
    into = statement.args.get("into") if isinstance(statement, exp.Select) else None
    table = statement.this if isinstance(statement, exp.Create) else into.this if into is not None else None
    return (parts_of(table) or None) if table is not None else None


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
