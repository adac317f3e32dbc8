"""The items of FROM: tables, subqueries, unnested arrays, lateral queries, pivots, and their joins."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import all_of, origins_of
from emitter.refine.sql.expressions.shapes import shape_of
from emitter.refine.sql.from_clause.pivots import pivoted
from emitter.refine.sql.from_clause.table_functions import returned
from emitter.refine.sql.origins import JOIN, NONE, TRANSFORMATION, Origins, derive
from emitter.refine.sql.relations import UNKNOWN, Column, Relation, Shape, beside, merge
from emitter.refine.sql.scopes import Part, Scope


def add_source(node: Any, scope: Scope) -> None:
    """Adds an item of FROM to a place, with what is joined to it in the same parentheses."""
    if isinstance(node, exp.Table):
        _add_table(node, scope)
    elif isinstance(node, exp.Subquery) and _is_join(node):
        _add_join_in_parentheses(node, scope)
    elif isinstance(node, exp.Subquery | exp.Lateral | exp.Values):
        _add_query(node, scope)
    elif isinstance(node, exp.Unnest):
        _add_unnest(node, scope)
    elif isinstance(node, exp.Alias | exp.AtIndex | exp.Pivot | exp.Column):
        _add_path(node, scope)
    else:
        scope.add((node.alias_or_name.lower(),), UNKNOWN)
    for join in node.args.get("joins") or []:
        decided = add_join(join, scope)
        # The joins within parentheses decide on rows too; the last part carries that.
        last = scope.parts[-1]
        last.relation = replace(last.relation, whole=last.relation.whole | decided)


def _is_join(node: exp.Subquery) -> bool:
    """True if parentheses hold items of FROM, not a query."""
    inner = node.this
    if isinstance(inner, exp.Subquery):
        return bool(inner.alias or inner.args.get("joins")) or _is_join(inner)
    if isinstance(inner, exp.Values | exp.Unnest | exp.Lateral):
        return bool(inner.alias or inner.args.get("joins"))
    return isinstance(inner, exp.Table)


def _add_join_in_parentheses(node: exp.Subquery, scope: Scope) -> None:
    """Adds what stands in parentheses: one part of the rows, whose names are seen outside unless it has an alias."""
    inner = Scope(scope.context, scope.ctes, scope.outer)
    add_source(node.this, inner)
    relation = everything(inner)
    if node.alias or node.args.get("pivots"):
        _add(node, (node.alias.lower(),) if node.alias else (), relation, scope)
        return
    names = Counter(column.name.lower() for column in relation.columns)
    part = Part(relation, ambiguous=frozenset(name for name, count in names.items() if count > 1))
    scope.parts.append(part)
    scope.sources += [source._replace(part=part) for source in inner.sources]
    scope.proved |= inner.proved


def everything(scope: Scope) -> Relation:
    """Returns all columns of the rows that FROM makes, in order: first those that JOIN USING has merged."""
    found = Relation(tuple(Column(name, origins or NONE) for name, origins in scope.merged.items()))
    for part in scope.parts:
        found = beside(found, _shown(part))
    return found


def _shown(part: Part) -> Relation:
    relation = part.relation
    if not part.hidden:
        return relation
    columns = tuple(column for column in relation.columns if column.name.lower() not in part.hidden)
    return replace(relation, columns=columns, without=relation.without | part.hidden, ahead=0)


def add_join(join: Any, scope: Scope) -> Origins:
    """Adds a joined item to a place and returns what the join goes by."""
    before = len(scope.parts)
    add_source(join.this, scope)
    by = all_of([join.args.get("on")], scope, JOIN)
    names = [scope.context.fold(node.name) for node in join.args.get("using") or []]
    side = str(join.args.get("side") or "")
    if join.args.get("method") == "NATURAL":
        names = _common(scope.parts[:before], scope.parts[before:], scope)
        by |= _merge_all(names, side, before, scope)
        _doubt(scope.parts[:before], scope.parts[before:], side, scope)
        return by
    return by | _merge_all(names, side, before, scope)


def _doubt(left: Sequence[Part], right: Sequence[Part], side: str, scope: Scope) -> None:
    """Marks the columns that a NATURAL JOIN may have merged with one of a table that is not known."""
    ours, others = (left, right) if side == "RIGHT" else (right, left)
    doubtful: list[str] = []
    if not all(part.relation.complete for part in others):
        doubtful += (name for part in ours for name in part.relation.by_name if name not in part.hidden)
    if side == "FULL" and not all(part.relation.complete for part in ours):
        doubtful += (name for part in others for name in part.relation.by_name if name not in part.hidden)
    scope.merged = {**dict.fromkeys(doubtful), **scope.merged}
    for part in scope.parts:
        part.hidden.update(doubtful)


def _merge_all(names: Sequence[str], side: str, before: int, scope: Scope) -> Origins:
    """Merges the columns of JOIN USING, which come first in the joined rows."""
    merged: dict[str, Origins | None] = {}
    by = NONE
    for name in names:
        merged[name.lower()], both = _merge(name, side, before, scope)
        by |= derive(JOIN, both)
    if merged:
        scope.merged = {**merged, **{name: found for name, found in scope.merged.items() if name not in merged}}
    return by


def _common(left: Sequence[Part], right: Sequence[Part], scope: Scope) -> list[str]:
    """Returns the columns of a NATURAL JOIN: those that both sides are known to have."""
    if not all(part.relation.complete for part in (*left, *right)):
        scope.context.unresolved["NATURAL JOIN of unknown columns"] = None
    names = {name for part in left for name in part.relation.by_name if name not in part.hidden} | scope.merged.keys()
    return [name for part in right for name in part.relation.by_name if name in names]


def _merge(name: str, side: str, before: int, scope: Scope) -> tuple[Origins, Origins]:
    """JOIN USING makes one column of two: the one that is never null, or either after a full join."""
    key = name.lower()
    left = _held(scope.parts[:before], key, scope, scope.merged)
    right = _held(scope.parts[before:], key, scope)
    both = left | right
    for part in scope.parts:
        part.hidden.add(key)
    return {"FULL": derive(TRANSFORMATION, both), "RIGHT": right}.get(side, left), both


def _held(
    parts: Sequence[Part], name: str, scope: Scope, merged: Mapping[str, Origins | None] | None = None
) -> Origins:
    """Returns the column of a name on one side of a join; none, and unresolved, if there may be two."""
    known = [part.known(name) for part in parts if part.known(name) is not None]
    if merged is not None and name in merged:
        known.append(merged[name])
    possible = known or [found for part in parts if (found := part.relation.get(name)) is not None]
    several = len(possible) > 1 or any(name in part.ambiguous for part in parts)
    only = None if several or not possible else possible[0]
    if only is None:
        scope.context.unresolved[name] = None
    return only or NONE


def _names(node: Any, scope: Scope) -> list[str]:
    alias = node.args.get("alias")
    return [scope.context.fold(column.name) for column in alias.columns] if alias else []


def _add(node: Any, names: tuple[str, ...], relation: Relation, scope: Scope) -> None:
    for pivot in node.args.get("pivots") or []:
        relation = pivoted(pivot, relation, scope)
        names = (pivot.alias.lower(),) if pivot.alias else names
    scope.add(names, scope.context.renamed(relation, _names(node, scope)))


def _add_table(node: exp.Table, scope: Scope) -> None:
    parts = tuple(part.name for part in node.parts if part.name)
    lower = tuple(part.lower() for part in parts)
    called = (node.alias.lower(),) if node.alias else lower
    if isinstance(node.this, exp.JSONTable):
        _add(node, called, _json_table(node.this, scope), scope)
    elif not parts or not isinstance(node.this, exp.Identifier):
        _add(node, (node.alias_or_name.lower(),), returned(node.this, scope), scope)
    elif len(lower) == 1 and lower[0] in scope.ctes:
        _add(node, called, scope.ctes[lower[0]], scope)
    elif len(lower) > 1 and (source := scope.source(lower[:1])) is not None and not _is_table(lower, scope):
        whole = Column("", source.relation.get(lower[1]) or NONE, scope.shape(lower))
        _add_element(called[-1], _element(whole), scope)
    else:
        _add(node, called if node.alias else _in_full(lower, scope), scope.context.read(parts), scope)


def _json_table(node: exp.JSONTable, scope: Scope) -> Relation:
    """Returns the columns of JSON_TABLE, each made from the text as a whole; the number of a row is not."""
    origins = derive(TRANSFORMATION, origins_of(node.this, scope))
    columns: list[Column] = []
    schemas: list[Any] = [node.args["schema"]]
    while schemas:
        for item in schemas.pop(0).expressions:
            if item.args.get("nested_schema") is not None:
                schemas.append(item.args["nested_schema"])
            else:
                columns.append(Column(scope.context.fold(item.name), NONE if item.args.get("ordinality") else origins))
    return Relation(tuple(columns))


def _in_full(parts: tuple[str, ...], scope: Scope) -> tuple[str, ...]:
    """Returns a table's full name, with which columns may be qualified; the given parts if it is unknown."""
    full = tuple((scope.context.tables.find(parts, scope.context.target) or "").lower().split("."))
    return full if full[-len(parts) :] == parts else parts


def _is_table(parts: tuple[str, ...], scope: Scope) -> bool:
    return scope.context.tables.find(parts, scope.context.target) is not None


def _add_query(node: Any, scope: Scope) -> None:
    # Only a lateral query sees its neighbours.
    inner = node.this if isinstance(node, exp.Lateral | exp.Subquery) else node
    if isinstance(inner, exp.Unnest):
        _add_unnest(inner, scope, alias=node.args.get("alias"))
        return
    if not isinstance(inner, exp.Query | exp.Values | exp.Table):
        scope.add((node.alias.lower(),), UNKNOWN)
        return
    lateral = isinstance(node, exp.Lateral)
    around = scope if lateral else (scope.outer or Scope(scope.context))
    # A subquery's parentheses may have a WITH and an ORDER BY of their own.
    whole = node if isinstance(node, exp.Subquery) else inner
    found = scope.context.query(whole, replace(around, ctes=scope.ctes))
    _add(node, (node.alias.lower(),) if node.alias else (), found, scope)


def _add_unnest(node: exp.Unnest, scope: Scope, alias: Any = None) -> None:
    """UNNEST: an array's column is made from the array, a map's two from the map, a row's from its fields."""
    alias = alias or node.args.get("alias")
    names = [scope.context.fold(column.name) for column in alias.columns] if alias else []
    values = [_unnested(value, scope) for value in node.expressions]
    called = alias.name.lower() if alias else ""
    # In Redshift one name alone is that of the element, whose fields it qualifies.
    if scope.context.dialect == "redshift" and len(given := [name for name in (called, *names) if name]) == 1:
        _add_element(given[0], values[0], scope)
        return
    columns = _columns_of(values, names)
    if columns is None:
        origins = merge(value.origins for value in values)
        scope.add((called,), Relation(element=origins, loose=scope.context.dialect != "redshift"))
        return
    if isinstance(offset := node.args.get("offset"), exp.Identifier):
        columns.append(Column(scope.context.fold(offset.name), NONE))
    scope.add((called,), Relation(tuple(columns)))


def _unnested(node: Any, scope: Scope) -> Column:
    """Returns an element of an array, with the fields that it is known to have."""
    shape = shape_of(node, scope)
    element = None if shape is None else shape.element
    if shape is not None and element is not None and shape.keys is not None:
        return Column("", shape.keys | element.origins, Shape((Column("", shape.keys), element._replace(name=""))))
    if element is not None:
        return element
    return Column("", derive(TRANSFORMATION, origins_of(node, scope)))


def _columns_of(values: Sequence[Column], names: Sequence[str]) -> list[Column] | None:
    """The columns of UNNEST under their names; None if neither the statement nor a row of its own names them."""
    fields: list[Column] = []
    for value in values:
        fields += value.shape.fields if value.shape is not None and value.shape.element is None else (value,)
    if len(fields) == len(names):
        return [column._replace(name=name) for column, name in zip(fields, names, strict=True)]
    if not names:
        return fields if all(field.name for field in fields) else None
    # An array of rows or a map gives several columns; which of several arrays gives how many needs their types.
    origins = values[0].origins if len(values) == 1 else NONE
    return [Column(name, origins) for name in names]


def _element(whole: Column) -> Column:
    """Returns an element of a SUPER array, with the fields that it is known to have."""
    if whole.shape is not None and whole.shape.element is not None and whole.shape.keys is None:
        return whole.shape.element
    return Column("", derive(TRANSFORMATION, whole.origins))


def _add_element(name: str, element: Column, scope: Scope) -> None:
    """Adds an element of a SUPER array, which is a value and has fields."""
    scope.add((name,), Relation((element._replace(name=name),), element=element.origins))


def _add_path(node: Any, scope: Scope) -> None:
    """Redshift's `t.list AS x AT i` and `UNPIVOT t.object AS value AT name`."""
    place = node.this if isinstance(node, exp.Pivot) else node
    index = None
    if isinstance(place, exp.AtIndex):
        place, index = place.this, place.expression.name.lower()
    whole = Column("", origins_of(place, scope), shape_of(place, scope))
    value = _value_of_object(whole) if isinstance(node, exp.Pivot) else _element(whole)
    _add_element(place.alias_or_name.lower(), value, scope)
    if index is not None:
        # The key of an object is part of it; the index of an array is not.
        scope.add((index,), Relation((Column(index, _keys(whole) if isinstance(node, exp.Pivot) else NONE),)))


def _value_of_object(whole: Column) -> Column:
    found = whole.shape.element if whole.shape is not None and whole.shape.keys is not None else None
    return found or Column("", derive(TRANSFORMATION, whole.origins))


def _keys(whole: Column) -> Origins:
    found = whole.shape.keys if whole.shape is not None else None
    return derive(TRANSFORMATION, whole.origins) if found is None else found
