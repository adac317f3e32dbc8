"""Column lineage of a SQL text: which columns of which tables make each column of what it writes.

sqlglot parses; which name means what is read off its tree here, in one pass for all columns. Its own `lineage` goes
through the statement once a column, after an optimizer that settles a name by guess where a schema is not known.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError

from emitter.refine.sql.expressions.shapes import part_of
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.sql.origins import NONE, Origin, Origins, without_marks
from emitter.refine.sql.queries import read_query
from emitter.refine.sql.relations import Column, Columns, Relation, Tables, completed
from emitter.refine.sql.scopes import Context, Scope
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood, reason_of
from emitter.refine.sql.statements.preparation import prepared
from emitter.refine.sql.statements.replaced_tables import Renaming, altered, emptied, renaming, with_changes
from emitter.refine.sql.statements.statement_writes import Written, write

# It warns on stderr, dbt's own, where it falls back; what can't be read is counted here.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


# A tree of a shape that was not thought of costs its own lineage, as a text that can't be parsed does.
UNFORESEEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def column_lineage(
    sql: str, dialect: str, schema: Mapping[str, Sequence[str] | Columns | None], target: str | None = None
) -> ColumnLineage:
    """Reads the column lineage out of a SQL text.

    Args:
        sql: a query, or statements that write the target.
        dialect: as sqlglot calls it, such as `athena` or `redshift`.
        schema: every table that may be read, its name as parts joined by dots, with its columns; None if they are not
            known. What is read beyond these is dropped and counted.
        target: the table that is written. It completes names of fewer parts, and is not an origin of itself.

    Raises:
        SqlNotUnderstood: if the text can't be parsed or writes nothing.
    """
    return lineage_of(sql, dialect, Tables({table: _columns(known) for table, known in schema.items()}), target)


def lineage_of(
    sql: str, dialect: str, tables: Tables, target: str | None = None, *, accept_undeclared: bool = False
) -> ColumnLineage:
    """Returns the same with tables that are made once for many texts.

    Args:
        sql: as above.
        dialect: as above.
        tables: every table that may be read.
        target: as above.
        accept_undeclared: True if a table that is not among them is an origin too, given its full name.

    Raises:
        SqlNotUnderstood: if the text can't be parsed or writes nothing.
    """
    context = Context(dialect, tables, target, read_query, part_of, accept_undeclared=accept_undeclared)
    try:
        written = _written(sql, context)
    except (SqlglotError, RecursionError, *UNFORESEEN) as error:
        raise SqlNotUnderstood(
            f"{target or 'a statement'}: sqlglot can't read it as {dialect}: {reason_of(error)}"
        ) from error
    if not written:
        raise SqlNotUnderstood(f"{target or 'a statement'}: no statement in it writes a table or returns rows")
    return result_of(written, context)


def _columns(known: Sequence[str] | Columns | None) -> Columns:
    if isinstance(known, Columns):
        return known
    return Columns() if known is None else Columns(tuple(known), complete=True)


def _written(sql: str, context: Context) -> list[Relation]:
    found: list[Written] = []
    context.text = prepared(sql, context.dialect)
    for statement in sqlglot.parse(context.text, dialect=context.dialect):
        if (renamed := renaming(statement)) is not None:
            found = _renamed(renamed, found, context)
        elif (name := altered(statement)) is not None:
            found = _altered(statement, name, found, context)
        else:
            for name in emptied(statement):
                found = _emptied(name, found, context)
        if statement is not None and (written := write(statement, Scope(context))) is not None:
            found = _with(written, found, context)
    chosen = [written.relation for written in found if context.is_target(written.name)]
    return chosen or [written.relation for written in found[-1:]]


def _emptied(name: tuple[str, ...], found: list[Written], context: Context) -> list[Written]:
    """Returns the statements so far that fill tables, once a table has no rows; it keeps its columns."""
    if context.is_target(name):
        return [written for written in found if not context.is_target(written.name)]
    made = context.made_as(name)
    if made is not None:
        context.made[context.made_name(name)] = replace(
            made, columns=tuple(Column(column.name, NONE) for column in made.columns), whole=NONE
        )
    return found


def _with(written: Written, found: list[Written], context: Context) -> list[Written]:
    """Returns the statements so far that fill tables, and another one."""
    ours = context.is_target(written.name)
    if written.name and not (ours and written.fills):
        # What a later statement reads from a table on the way comes from where that table came from.
        context.made[written.name] = _added(context.made_as(written.name), written)
    if ours and written.makes and written.name:
        found = [other for other in found if not context.is_target(other.name)]
        context.target_columns = _all_names(written.relation)
    return [*found, written] if written.fills else found


def _all_names(relation: Relation) -> tuple[str, ...] | None:
    names = tuple(column.name for column in relation.columns)
    return names if relation.complete and all(names) else None


def _renamed(renamed: Renaming, found: list[Written], context: Context) -> list[Written]:
    """Returns the statements so far after a table was renamed; later statements read it under its new name."""
    old, new = completed(renamed.old, context.target), renamed.new
    moved = [written for written in found if written.name and completed(written.name, context.target) == old]
    if moved and context.is_target(new):
        context.target_columns = _all_names(moved[0].relation)
    elif moved:
        context.made[new] = _merged([written.relation for written in moved])
    return [written._replace(name=new) if written in moved else written for written in found]


def _altered(statement: Any, name: tuple[str, ...], found: list[Written], context: Context) -> list[Written]:
    """Returns the statements so far after the columns of a table have changed."""
    made = context.made_as(name)
    if made is not None:
        context.made[context.made_name(name)] = with_changes(made, statement, context.fold)
    if context.target_columns is not None and context.is_target(name):
        before = Relation(tuple(Column(column, NONE) for column in context.target_columns))
        context.target_columns = _all_names(with_changes(before, statement, context.fold))
    full = completed(name, context.target)

    def changed(one: Written) -> Written:
        # A table on the way may take the target's place later.
        is_same = bool(one.name) and completed(one.name, context.target) == full
        return one._replace(relation=with_changes(one.relation, statement, context.fold)) if is_same else one

    return [changed(one) for one in found]


def _added(before: Relation | None, written: Written) -> Relation:
    return written.relation if before is None or written.makes else _merged([before, written.relation])


def _merged(relations: Sequence[Relation]) -> Relation:
    columns: dict[str, Origins] = {}
    for relation in relations:
        for column in relation.columns:
            if column.name:
                columns[column.name] = columns.get(column.name, NONE) | column.origins
    more = tuple(dict.fromkeys(table for relation in relations for table in _more(relation)))
    whole = NONE.union(*(relation.whole for relation in relations))
    return Relation(tuple(Column(*item) for item in columns.items()), more, whole=whole)


def _more(relation: Relation) -> tuple[str, ...]:
    return (*relation.more, "") if relation.loose else relation.more


def result_of(written: Sequence[Relation], context: Context) -> ColumnLineage:
    """Returns the parsed part of a statement as a value.

    Args:
        written: what the statement writes, in one or several parts.
        context: the statement's, with all that was looked up.
    """
    found = _merged(written)
    unnamed = any(not column.name for relation in written for column in relation.columns)
    columns = {column.name: _others(column.origins, context.target) for column in found.columns}
    return ColumnLineage(
        columns={name: clear for name, (clear, _) in columns.items()},
        masked={name: hidden for name, (_, hidden) in columns.items() if hidden},
        whole=_others(found.whole, context.target)[0],
        complete=found.complete and not unnamed,
        tables=tuple(table for table in context.used if table != context.target),
        undeclared=tuple(context.undeclared),
        unresolved=tuple(context.unresolved),
        asked=tuple((".".join(parts), table) for parts, table in context.asked.items()),
    )


def _others(origins: Origins, target: str | None) -> tuple[tuple[Origin, ...], tuple[Origin, ...]]:
    """Returns the origins in other tables, sorted: all of them, and those that are obfuscated."""
    others = frozenset(origin for origin in origins if origin.table != target)
    clear, hidden = without_marks(others)
    return tuple(sorted(clear)), tuple(sorted(hidden))
