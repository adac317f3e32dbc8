"""What stands in FROM: tables, subqueries, arrays taken apart, lateral queries, pivots, and how they are joined."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.expressions import all_of, origins_of
from emitter.refine.origins import JOIN, NONE, TRANSFORMATION, Origins, through
from emitter.refine.pivots import pivoted
from emitter.refine.relations import UNKNOWN, Column, Relation, union_of
from emitter.refine.scopes import Scope, Source


def add_source(node: Any, scope: Scope) -> None:
    """Adds an item of FROM to a place."""
    if isinstance(node, exp.Table):
        _add_table(node, scope)
    elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
        add_source(node.this, scope)
    elif isinstance(node, exp.Subquery | exp.Lateral | exp.Values):
        _add_query(node, scope)
    elif isinstance(node, exp.Unnest):
        _add_unnest(node, scope)
    elif isinstance(node, exp.Alias | exp.AtIndex | exp.Pivot | exp.Column):
        _add_path(node, scope)
    else:
        scope.sources.append(Source((node.alias_or_name.lower(),), UNKNOWN))
    for join in node.args.get("joins") or []:
        _nested(join, scope)


def _nested(join: Any, scope: Scope) -> None:
    # The joins within parentheses decide on rows too; the last source of the parentheses carries that.
    decided = add_join(join, scope)
    last = scope.sources[-1]
    scope.sources[-1] = last._replace(relation=replace(last.relation, whole=last.relation.whole | decided))


def add_join(join: Any, scope: Scope) -> Origins:
    """Adds a joined item to a place and returns what the join goes by."""
    before = len(scope.sources)
    add_source(join.this, scope)
    by = all_of([join.args.get("on")], scope, JOIN)
    names = [scope.context.fold(node.name) for node in join.args.get("using") or []]
    if join.args.get("method") == "NATURAL":
        names = _common(scope.sources[:before], scope.sources[before:])
    return by | union_of(_merge(name, str(join.args.get("side") or ""), before, scope) for name in names)


def _common(left: Sequence[Source], right: Sequence[Source]) -> list[str]:
    names = {name for source in left for name in source.relation.by_name}
    return [name for source in right for name in source.relation.by_name if name in names]


def _merge(name: str, side: str, before: int, scope: Scope) -> Origins:
    """JOIN USING makes one column of two: the one that is never null, or either after a full join."""
    key = name.lower()
    left = scope.merged.get(key) or _held(scope.sources[:before], key, scope)
    right = _held(scope.sources[before:], key, scope)
    both = through(TRANSFORMATION, left | right)
    scope.merged[key] = {"FULL": both, "RIGHT": right}.get(side, left)
    return through(JOIN, left | right)


def _held(sources: Sequence[Source], name: str, scope: Scope) -> Origins:
    known = [source.relation.by_name[name] for source in sources if name in source.relation.by_name]
    if known:
        return known[0]
    found = [origins for source in sources if (origins := source.relation.get(name)) is not None]
    if len(found) == 1:
        return found[0]
    scope.context.unresolved[name] = None
    return NONE


def _names(node: Any, scope: Scope) -> list[str]:
    alias = node.args.get("alias")
    return [scope.context.fold(column.name) for column in alias.columns] if alias else []


def _add(node: Any, names: tuple[str, ...], relation: Relation, scope: Scope) -> None:
    for pivot in node.args.get("pivots") or []:
        relation = pivoted(pivot, relation, scope)
        names = (pivot.alias.lower(),) if pivot.alias else names
    scope.sources.append(Source(names, relation.renamed(_names(node, scope))))


def _add_table(node: exp.Table, scope: Scope) -> None:
    parts = tuple(part.name for part in node.parts if part.name)
    lower = tuple(part.lower() for part in parts)
    called = (node.alias.lower(),) if node.alias else lower
    if not parts or not isinstance(node.this, exp.Identifier):
        _add(node, (node.alias_or_name.lower(),), UNKNOWN, scope)
    elif len(lower) == 1 and lower[0] in scope.ctes:
        _add(node, called, scope.ctes[lower[0]], scope)
    elif len(lower) > 1 and (source := scope.source(lower[:1])) is not None and not _is_table(lower, scope):
        element = source.relation.get(lower[1]) or NONE
        _add_element(called[-1], element, scope)
    else:
        _add(node, called, _base(lower, scope), scope)


def _is_table(parts: tuple[str, ...], scope: Scope) -> bool:
    return scope.context.tables.find(parts, scope.context.target) is not None


def _base(parts: tuple[str, ...], scope: Scope) -> Relation:
    context = scope.context
    if (made := scope.ctes.get(".".join(parts))) is not None:
        return made
    table = context.tables.find(parts, context.target)
    context.asked[parts] = table
    if table is None:
        context.unresolved[".".join(parts)] = None
        return UNKNOWN
    context.used[table] = None
    return context.tables.relation(table)


def _add_query(node: Any, scope: Scope) -> None:
    # Only a lateral query sees its neighbours; a Values item may, but has no columns to ask for.
    lateral = isinstance(node, exp.Lateral)
    inner = node.this if isinstance(node, exp.Lateral | exp.Subquery) else node
    if isinstance(inner, exp.Unnest):
        _add_unnest(inner, scope, alias=node.args.get("alias"))
        return
    if not isinstance(inner, exp.Query | exp.Values | exp.Table):
        scope.sources.append(Source((node.alias.lower(),), UNKNOWN))
        return
    around = scope if lateral else (scope.outer or Scope(scope.context))
    # A subquery's parentheses may have a WITH and an ORDER BY of their own.
    whole = node if isinstance(node, exp.Subquery) else inner
    found = scope.context.query(whole, replace(around, ctes=scope.ctes))
    _add(node, (node.alias.lower(),) if node.alias else (), found, scope)


def _add_unnest(node: exp.Unnest, scope: Scope, alias: Any = None) -> None:
    """UNNEST: an array's column is made from the array, a map's two from the map."""
    alias = alias or node.args.get("alias")
    names = [scope.context.fold(column.name) for column in alias.columns] if alias else []
    values = [through(TRANSFORMATION, origins_of(value, scope)) for value in node.expressions]
    called = alias.name.lower() if alias else ""
    offset = node.args.get("offset")
    if alias and not called and len(names) == 1 and scope.context.dialect == "redshift":
        _add_element(names[0], values[0], scope)
    elif not names:
        loose = Relation(element=union_of(values), loose=scope.context.dialect != "redshift")
        scope.sources.append(Source((called,), loose))
    else:
        columns = [Column(name, origins) for name, origins in zip(names, _spread(values, len(names)), strict=False)]
        if isinstance(offset, exp.Identifier):
            columns.append(Column(scope.context.fold(offset.name), NONE))
        scope.sources.append(Source((called,), Relation(tuple(columns))))


def _spread(values: Sequence[Origins], width: int) -> list[Origins]:
    if len(values) == width:
        return list(values)
    # An array of rows or a map gives several columns; which of several arrays gives how many needs their types.
    return [values[0]] * width if len(values) == 1 else [NONE] * width


def _add_element(name: str, origins: Origins, scope: Scope) -> None:
    """An element of a SUPER array, which is a value and has fields."""
    element = through(TRANSFORMATION, origins)
    scope.sources.append(Source((name,), Relation((Column(name, element),), element=element)))


def _add_path(node: Any, scope: Scope) -> None:
    """Redshift's `t.list AS x AT i` and `UNPIVOT t.object AS value AT name`."""
    place = node.this if isinstance(node, exp.Pivot) else node
    index = None
    if isinstance(place, exp.AtIndex):
        place, index = place.this, place.expression.name.lower()
    origins = origins_of(place, scope)
    _add_element(place.alias_or_name.lower(), origins, scope)
    if index is not None:
        # The key of an object is part of it; the index of an array is not.
        made = through(TRANSFORMATION, origins) if isinstance(node, exp.Pivot) else NONE
        scope.sources.append(Source((index,), Relation((Column(index, made),))))
