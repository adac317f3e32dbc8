"""Statements that take tables away, rename them or change their columns, between those that fill tables."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from sqlglot import exp

from emitter.refine.sql.origins import NONE
from emitter.refine.sql.relations import Column, Relation

Name = tuple[str, ...]
"""The parts of a table's name in lower case."""


class Renaming(NamedTuple):
    """A table's names before and after `ALTER TABLE ... RENAME TO`."""

    old: Name
    new: Name


def renaming(statement: Any) -> Renaming | None:
    """Returns the renaming that a statement is; None for any other statement."""
    if not isinstance(statement, exp.Alter):
        return None
    for action in statement.args.get("actions") or []:
        if isinstance(action, exp.AlterRename) and isinstance(action.this, exp.Table):
            old, new = parts_of(statement.this), parts_of(action.this)
            # Redshift's new name has no schema: the table stays in its own.
            return Renaming(old, (*old[: max(len(old) - len(new), 0)], *new))
    return None


def emptied(statement: Any) -> list[Name]:
    """Returns the tables whose rows a statement removes altogether: DROP, TRUNCATE, DELETE without a condition."""
    if isinstance(statement, exp.Drop):
        return list(map(parts_of, _tables(statement)))
    if isinstance(statement, exp.TruncateTable):
        return list(map(parts_of, statement.expressions))
    is_whole = isinstance(statement, exp.Delete) and not (statement.args.get("where") or statement.args.get("using"))
    return [parts_of(table) for table in _tables(statement)] if is_whole else []


def altered(statement: Any) -> Name | None:
    """Returns the table whose columns a statement adds, drops or renames; None for any other statement."""
    changes = isinstance(statement, exp.Alter) and any(map(_is_of_column, statement.args.get("actions") or []))
    return parts_of(statement.this) if changes else None


def _is_of_column(action: Any) -> bool:
    return isinstance(action, exp.RenameColumn | exp.ColumnDef | exp.Schema) or _is_dropped(action)


def _is_dropped(action: Any) -> bool:
    return isinstance(action, exp.Drop) and str(action.args.get("kind")).upper() == "COLUMN"


def with_changes(relation: Relation, statement: exp.Alter, fold: Callable[[str], str]) -> Relation:
    """Returns the columns of a table after a statement that `altered` knows.

    Args:
        relation: The columns before.
        statement: The statement.
        fold: Returns a column's name as the engine stores it.
    """
    for action in statement.args.get("actions") or []:
        if isinstance(action, exp.RenameColumn):
            relation = _with_name(relation, action.this.name.lower(), fold(action.args["to"].name))
        elif _is_dropped(action):
            relation = relation.excluding({name.lower() for name in _dropped(action)})
        else:
            # A catalog of the run before may have them already.
            names = (fold(column.name) for column in _added(action) if column.name.lower() not in relation.by_name)
            relation = replace(relation, columns=(*relation.columns, *(Column(name, NONE) for name in names)))
    return relation


def _with_name(relation: Relation, old: str, new: str) -> Relation:
    origins = relation.get(old) or NONE
    if old not in relation.by_name:
        return replace(relation.excluding({old}), columns=(*relation.columns, Column(new, origins)))
    columns = (column._replace(name=new) if column.name.lower() == old else column for column in relation.columns)
    return replace(relation, columns=tuple(columns))


def _dropped(action: exp.Drop) -> Iterator[str]:
    yield from (column.name for column in _tables(action))


def _added(action: Any) -> list[Any]:
    columns = action.expressions if isinstance(action, exp.Schema) else [action]
    return [column for column in columns if isinstance(column, exp.ColumnDef)]


def parts_of(table: Any) -> Name:
    """Returns the parts of a table's name, without the columns behind it."""
    node = table.this if isinstance(table, exp.Schema) else table
    return tuple(part.name.lower() for part in node.parts if part.name) if isinstance(node, exp.Table) else ()


def _tables(statement: Any) -> Iterable[Any]:
    return [*([statement.this] if statement.this else []), *(statement.args.get("tables") or [])]
