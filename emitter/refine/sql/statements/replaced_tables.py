"""Statements that take tables away or rename them, between those that fill tables."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlglot import exp

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


def parts_of(table: Any) -> Name:
    """Returns the parts of a table's name, without the columns behind it."""
    node = table.this if isinstance(table, exp.Schema) else table
    return tuple(part.name.lower() for part in node.parts if part.name) if isinstance(node, exp.Table) else ()


def _tables(statement: Any) -> Iterable[Any]:
    return [*([statement.this] if statement.this else []), *(statement.args.get("tables") or [])]
