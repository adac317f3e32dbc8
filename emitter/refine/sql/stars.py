"""`*` and `t.*`: all the columns that are known, and a way on to those that aren't."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import arg, origins_of
from emitter.refine.sql.expressions.shapes import shape_of
from emitter.refine.sql.from_clause.sources import everything
from emitter.refine.sql.origins import TRANSFORMATION, Origins, derive
from emitter.refine.sql.relations import UNKNOWN, Column, Relation, Shape
from emitter.refine.sql.scopes import Scope

# Where `t.*` leaves out the columns that JOIN USING has merged.
_WITHOUT_MERGED = frozenset({"athena", "presto", "trino"})


def expand(item: Any, scope: Scope) -> Relation:
    """Returns the columns that a star stands for, without those that EXCLUDE names and with those that REPLACE makes.

    Args:
        item: `*`, `t.*`, `(row).*`, or `(row).* AS (a, b)`.
        scope: the names at its place.
    """
    if isinstance(item, exp.Aliases):
        return _named([scope.context.fold(name.name) for name in item.expressions], _row(item.this, scope))
    if isinstance(item, exp.Dot):
        return _row(item, scope)
    star = item.this if isinstance(item, exp.Column) else item
    found = _qualified(item, scope) if isinstance(item, exp.Column) else everything(scope)
    return _changed(found, star, scope)


def _changed(found: Relation, star: Any, scope: Scope) -> Relation:
    """Returns the columns of a star as its EXCLUDE, REPLACE and RENAME change them."""
    without = {node.name.lower() for node in arg(star, "except") or []}
    made = {node.alias.lower(): origins_of(node.this, scope) for node in star.args.get("replace") or []}
    names = {node.this.name.lower(): node.alias for node in star.args.get("rename") or []}
    return _altered(found, without, made, names) if without or made or names else found


def _altered(found: Relation, without: set[str], made: Mapping[str, Origins], names: Mapping[str, str]) -> Relation:
    """Returns the columns of a star without some, with other origins for some, and with new names for some.

    Args:
        found: The columns.
        without: Names in lower case, as are the keys of the others.
        made: New origins by name.
        names: New names by name.
    """
    columns = (
        Column(names.get(key, column.name), made.get(key, column.origins), None if key in made else column.shape)
        for column in found.columns
        if (key := column.name.lower()) not in without
    )
    hidden = found.without | without | names.keys() | made.keys()
    return replace(found, columns=tuple(columns), without=frozenset(hidden) if found.more else frozenset(), ahead=0)


def _qualified(item: exp.Column, scope: Scope) -> Relation:
    path = [part.name.lower() for part in item.parts[:-1]]
    source = scope.source(path)
    if source is None:
        return _fields_of_column(path, scope)
    relation = source.relation
    if scope.context.dialect in _WITHOUT_MERGED and (hidden := source.part.hidden):
        columns = tuple(column for column in relation.columns if column.name.lower() not in hidden)
        return replace(relation, columns=columns, without=relation.without | hidden if relation.more else frozenset())
    return relation


def _fields_of_column(path: list[str], scope: Scope) -> Relation:
    """`column.*` without parentheses, where no table has the name."""
    origins = scope.find(path)
    if origins is None:
        scope.context.unresolved[".".join([*path, "*"])] = None
        return UNKNOWN
    return _fields(scope.shape(path), origins)


def _row(item: exp.Dot, scope: Scope) -> Relation:
    """`(row).*`: the fields of a row, whose names are known only where the statement constructs it."""
    return _fields(shape_of(item.this, scope), origins_of(item.this, scope))


def _fields(shape: Shape | None, origins: Origins) -> Relation:
    if shape is not None and shape.fields and shape.element is None:
        return Relation(shape.fields)
    return Relation(element=origins, loose=True)


def _named(names: list[str], relation: Relation) -> Relation:
    if relation.element is None:
        return relation.renamed(names)
    field = derive(TRANSFORMATION, relation.element)
    return Relation(tuple(Column(name, field) for name in names))
