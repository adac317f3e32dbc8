"""What a query returns: WITH, FROM, joins, set operations, and the select list with its stars."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.expressions import all_of, arg, origins_of
from emitter.refine.origins import AGGREGATION, FILTER, GROUP_BY, NONE, SORT, Origins, through
from emitter.refine.relations import UNKNOWN, Column, Relation, union_of
from emitter.refine.scopes import Context, Scope, Source
from emitter.refine.sources import add_join, add_source
from emitter.refine.stars import expand

_NAMED_BY_ITS_CAST = frozenset({"postgres", "redshift"})
_NAMED_BY_FUNCTION = (exp.Avg, exp.Count, exp.Max, exp.Min, exp.Sum)
# A recursive query's origins stop growing after as many rounds as a value needs to go through its columns.
_ROUNDS = 12


def read_query(node: Any, outer: Scope) -> Relation:
    """The relation that a query returns, read at a place whose names it may use."""
    return read(node, Scope(outer.context, outer.ctes, outer))


def read(node: Any, scope: Scope) -> Relation:
    """The relation that a query returns.

    Args:
        node: SELECT, a set operation, VALUES, or one of them in parentheses.
        scope: WITH names that it may use, and the place around it; its sources are still empty.
    """
    inner = replace(scope, ctes=_with(node, scope), sources=[], merged={}, aliases={})
    if isinstance(node, exp.Select):
        return _select(node, inner)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, inner)
    if isinstance(node, exp.Subquery):
        found = read(node.this, inner)
        return _ordered(node, found, inner)
    if isinstance(node, exp.Values):
        width = len(node.expressions[0].expressions) if node.expressions else 0
        return Relation((Column("", NONE),) * width)
    if isinstance(node, exp.Table):
        add_source(node, inner)
        return inner.sources[0].relation
    return UNKNOWN


def _with(node: Any, scope: Scope) -> Mapping[str, Relation]:
    clause = arg(node, "with")
    if clause is None:
        return scope.ctes
    ctes = dict(scope.ctes)
    for cte in clause.expressions:
        name = cte.alias.lower()
        names = [scope.context.fold(column.name) for column in cte.args["alias"].columns]
        inner = Scope(scope.context, ctes, scope.outer)
        recursive = clause.args.get("recursive") and isinstance(cte.this, exp.SetOperation)
        found = _recursive(cte.this, name, names, inner) if recursive else read(cte.this, inner).renamed(names)
        ctes = {**ctes, name: found}
    return ctes


def _recursive(node: exp.SetOperation, name: str, names: Sequence[str], scope: Scope) -> Relation:
    """Reads a query that reads itself: from its first part on, until nothing is added any more."""
    first: Any = node
    ctes = scope.ctes
    while isinstance(first, exp.SetOperation):
        ctes = _with(first, replace(scope, ctes=ctes))
        first = first.this
    found = read(first, replace(scope, ctes=ctes)).renamed(names)
    for _ in range(_ROUNDS):
        last, found = found, read(node, replace(scope, ctes={**scope.ctes, name: found})).renamed(names)
        if found == last:
            break
    return found


def _set_operation(node: exp.SetOperation, scope: Scope) -> Relation:
    sides = []
    # A chain of a thousand UNIONs leans to the left; going down it in a loop keeps the stack flat.
    operations: list[exp.SetOperation] = [node]
    while isinstance(operations[-1].this, exp.SetOperation) and arg(operations[-1].this, "with") is None:
        operations.append(operations[-1].this)
    sides = [read(operations[-1].this, scope)]
    found = sides[0]
    for operation in reversed(operations):
        right = read(operation.expression, scope)
        found = _union(found, right, scope.context) if isinstance(operation, exp.Union) else _filtered(found, right)
        found = _ordered(operation, found, scope)
    return found


def _union(left: Relation, right: Relation, context: Context) -> Relation:
    whole = left.whole | right.whole
    if not right.complete or not left.complete:
        # Positions beyond a star over unknown columns can't be told: what is known of the first part remains.
        context.unresolved["UNION of unknown columns"] = None
        return replace(left, whole=whole)
    pairs = zip(left.columns, right.columns, strict=False)
    return Relation(tuple(Column(a.name, a.origins | b.origins) for a, b in pairs), whole=whole)


def _filtered(left: Relation, right: Relation) -> Relation:
    """INTERSECT and EXCEPT: rows are the left side's, the right side decides which."""
    decided = through(FILTER, union_of(column.origins for column in right.columns) | right.whole)
    return replace(left, whole=left.whole | decided)


def _ordered(node: Any, found: Relation, scope: Scope) -> Relation:
    if (order := node.args.get("order")) is None:
        return found
    result = replace(scope, aliases=dict(found.by_name), alias_rule="first")
    return replace(found, whole=found.whole | _by_position(order.expressions, found.columns, result, SORT))


def _select(node: exp.Select, scope: Scope) -> Relation:
    if (clause := arg(node, "from")) is not None:
        add_source(clause.this, scope)
    joined = union_of(add_join(join, scope) for join in node.args.get("joins") or [])
    for lateral in node.args.get("laterals") or []:
        add_source(lateral, scope)
    if node.args.get("match"):
        # What MATCH_RECOGNIZE returns is neither its table's columns nor all that it measures.
        scope.context.unresolved["MATCH_RECOGNIZE"] = None
        scope.sources = [Source((), UNKNOWN)]
    scope.windows = {window.this.name.lower(): window for window in node.args.get("windows") or []}
    found = _project(node, scope)
    beneath = union_of(source.relation.whole for source in scope.sources)
    return replace(found, whole=beneath | joined | _decisions(node, found, scope))


def _decisions(node: exp.Select, found: Relation, scope: Scope) -> Origins:
    """What decides on a SELECT's rows: WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY."""
    where, group, order = (node.args.get(name) for name in ("where", "group", "order"))
    filters = [node.args.get("having"), node.args.get("qualify")]
    whole = all_of([where.this], replace(scope, aliases={}), FILTER) if where else NONE
    after = replace(scope, alias_rule="last")
    whole |= all_of([clause.this for clause in filters if clause], after, FILTER)
    if group:
        whole |= _by_position(list(group.iter_expressions()), found.columns, after, GROUP_BY)
        if group.args.get("all"):
            whole |= through(GROUP_BY, union_of(column.origins for column in found.columns if not _counts(column)))
    if order:
        whole |= _by_position(order.expressions, found.columns, replace(scope, alias_rule="first"), SORT)
    return whole


def _counts(column: Column) -> bool:
    return any(origin.kind == AGGREGATION for origin in column.origins)


def _by_position(nodes: Sequence[Any], columns: Sequence[Column], scope: Scope, kind: str) -> Origins:
    """What GROUP BY and ORDER BY go by, where a number is a position in the select list."""
    found = NONE
    for node in nodes:
        by = node.this if isinstance(node, exp.Ordered) else node
        position = int(by.name) - 1 if isinstance(by, exp.Literal) and by.is_int else -1
        if 0 <= position < len(columns):
            found |= through(kind, columns[position].origins)
        else:
            found |= through(kind, origins_of(by, scope))
    return found


def _project(node: exp.Select, scope: Scope) -> Relation:
    columns: list[Column] = []
    more: list[str] = []
    without: set[str] = set()
    for item in node.expressions:
        if item.is_star and not isinstance(item, exp.Count):
            part = expand(item, scope)
            columns += part.columns
            more += part.more
            without |= part.without
        else:
            name = _name(item, scope.context)
            column = Column(name, origins_of(item, scope))
            columns.append(column)
            if name:
                scope.aliases.setdefault(name.lower(), column.origins)
    return Relation(tuple(columns), tuple(dict.fromkeys(more)), frozenset(without))


def _name(item: Any, context: Context) -> str:
    """The name that an engine gives to an item of a select list; "" where none is certain."""
    if isinstance(item, exp.Alias):
        return context.fold(item.alias)
    inner = item
    while isinstance(inner, exp.Paren) or (isinstance(inner, exp.Cast) and context.dialect in _NAMED_BY_ITS_CAST):
        inner = inner.this
    if isinstance(inner, exp.Column):
        return context.fold(inner.name)
    if isinstance(inner, exp.Dot):
        return context.fold(inner.expression.name)
    if isinstance(inner, _NAMED_BY_FUNCTION) and context.dialect in _NAMED_BY_ITS_CAST:
        return inner.key
    return ""
