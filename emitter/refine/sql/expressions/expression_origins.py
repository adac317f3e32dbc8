"""The origins of an expression: what its value is made from, and what decides on it.

A CASE's conditions, a window's partitions and order, an aggregate's FILTER are influences on the one value; what
decides on whole rows is the query's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.functions import (
    COUNTS,
    HASHES,
    OF_ONE_ROW,
    VALUES_OF_MAPS,
    called,
    is_aggregate,
    is_default,
    is_masking,
)
from emitter.refine.sql.origins import (
    AGGREGATION,
    CONDITIONAL,
    FILTER,
    NONE,
    SORT,
    TRANSFORMATION,
    WINDOW,
    Origins,
    derive,
    masked,
)
from emitter.refine.sql.relations import Relation, merge
from emitter.refine.sql.scopes import Scope


def origins_of(node: Any, scope: Scope) -> Origins:
    """Returns the origins of an expression.

    Args:
        node: a sqlglot expression, or None.
        scope: the names at its place.
    """
    return NONE if node is None else _handler(node.__class__)(node, scope)


def all_of(nodes: Iterable[Any], scope: Scope, kind: str) -> Origins:
    """Returns the origins of some expressions, as one influence."""
    return derive(kind, merge(origins_of(node, scope) for node in nodes))


def path_of(column: exp.Column, scope: Scope) -> list[str]:
    """Returns the parts of a column's name as the engine folds them; lookups ignore case in every dialect."""
    return _path(column.parts, scope)


def _path(parts: Sequence[Any], scope: Scope) -> list[str]:
    return [scope.context.fold(part.name).lower() for part in parts]


def arg(node: Any, name: str) -> Any:
    """Returns an argument whose name is a Python keyword: sqlglot puts an underscore after it since version 28."""
    return node.args.get(f"{name}_") or node.args.get(name)


def _column(node: exp.Column, scope: Scope) -> Origins:
    if isinstance(node.this, exp.Star):
        return NONE
    # sqlglot looks for them again each time that it is asked.
    parts = node.parts
    return scope.resolve(_path(parts, scope), quoted=bool(parts[0].args.get("quoted")))


def _same(node: exp.Expression, scope: Scope) -> Origins:
    return origins_of(node.this, scope)


def _any(node: exp.Expression, scope: Scope) -> Origins:
    return all_of(node.iter_expressions(), scope, TRANSFORMATION)


def _binary(node: exp.Expression, scope: Scope) -> Origins:
    # A chain of a hundred ORs or of || leans to the left; going down it in a loop keeps the stack flat.
    parts: list[Any] = []
    left: Any = node
    while isinstance(left, exp.Binary):
        parts += [part for part in left.iter_expressions() if part is not left.this]
        left = left.this
    return all_of([left, *parts], scope, TRANSFORMATION)


def _default(node: exp.Expression, scope: Scope) -> Origins:
    found = all_of(node.iter_expressions(), scope, TRANSFORMATION)
    # Each argument may be the value, and whether it is null decides on that.
    return found | derive(CONDITIONAL, found)


def _aggregate(node: exp.Expression, scope: Scope) -> Origins:
    if not is_aggregate(node, scope.context.dialect):
        return _any(node, scope)
    # An aggregate of an enclosing query's columns alone would be that query's own.
    place = scope if scope.outer is None else replace(scope, inside=True)
    return all_of(node.iter_expressions(), place, AGGREGATION)


def _count(node: exp.Expression, scope: Scope) -> Origins:
    return masked(_aggregate(node, scope))


def _hash(node: exp.Expression, scope: Scope) -> Origins:
    return masked(_any(node, scope))


def _called(node: exp.Anonymous, scope: Scope) -> Origins:
    """Returns a function that sqlglot keeps as a name alone."""
    if is_default(node):
        return _default(node, scope)
    if called(node) in VALUES_OF_MAPS and (part := scope.context.part_of(node, scope)) is not None:
        return derive(TRANSFORMATION, part.origins)
    found = _aggregate(node, scope) if is_aggregate(node, scope.context.dialect) else _any(node, scope)
    return masked(found) if is_masking(node) else found


def _part(node: exp.Expression, scope: Scope) -> Origins:
    """Returns a field of a value, or an element of it: of a value made in this statement, that part alone."""
    if (part := scope.context.part_of(node, scope)) is None:
        return _any(node, scope)
    beside = [*node.expressions, *([node.expression] if isinstance(node, exp.Transform) else ())]
    return derive(TRANSFORMATION, part.origins) | all_of(beside, scope, TRANSFORMATION)


def _case(node: exp.Case, scope: Scope) -> Origins:
    branches = node.args.get("ifs") or []
    tested = [node.this, *(branch.this for branch in branches)]
    values = [*(branch.args.get("true") for branch in branches), node.args.get("default")]
    return all_of(tested, scope, CONDITIONAL) | all_of(values, scope, TRANSFORMATION)


def _if(node: exp.Expression, scope: Scope) -> Origins:
    values = [node.args.get("true"), node.args.get("false")]
    return all_of([node.this], scope, CONDITIONAL) | all_of(values, scope, TRANSFORMATION)


def _decode(node: exp.Expression, scope: Scope) -> Origins:
    tested, *rest = node.expressions
    # After what is tested come pairs of a value to search for and a result, and at the end perhaps a default.
    searched, values = rest[: len(rest) // 2 * 2 : 2], rest[1::2]
    if len(rest) % 2:
        values = [*values, rest[-1]]
    return all_of([tested, *searched], scope, CONDITIONAL) | all_of(values, scope, TRANSFORMATION)


def _window(node: exp.Window, scope: Scope) -> Origins:
    order = node.args.get("order")
    by = [*(node.args.get("partition_by") or []), *(order.expressions if order else []), *_frame(node)]
    named = scope.windows.get(node.args["alias"].name.lower()) if node.args.get("alias") else None
    outside = derive(WINDOW, _window(named, scope)) if named is not None else NONE
    # A named window has its name where others have their function.
    inside = NONE if isinstance(node.this, exp.Identifier) else origins_of(node.this, scope)
    return inside | all_of(by, scope, WINDOW) | outside


def _frame(node: exp.Window) -> list[Any]:
    """Returns the expressions that bound the frame of a window; `UNBOUNDED` and `CURRENT ROW` are none."""
    spec = node.args.get("spec")
    bounds = (spec.args.get("start"), spec.args.get("end")) if spec is not None else ()
    return [bound for bound in bounds if isinstance(bound, exp.Expression)]


def _filtered(node: exp.Filter, scope: Scope) -> Origins:
    return origins_of(node.this, scope) | all_of([node.expression.this], scope, FILTER)


def _ordered(node: exp.Order, scope: Scope) -> Origins:
    # ARRAY_AGG(a ORDER BY b) is an order around `a`; WITHIN GROUP has one without anything inside.
    return origins_of(node.this, scope) | all_of(node.expressions, scope, SORT)


def _within_group(node: exp.WithinGroup, scope: Scope) -> Origins:
    of = node.this
    if isinstance(of, exp.PercentileCont | exp.PercentileDisc):
        return all_of(node.expression.expressions, scope, AGGREGATION)
    return origins_of(of, scope) | all_of(node.expression.expressions, scope, SORT)


def _scalar(node: exp.Expression, scope: Scope) -> Origins:
    found = scope.context.query(node, scope)
    return merge(column.origins for column in found.columns) | found.whole


def _within(node: exp.Expression, scope: Scope) -> Origins:
    inner = [node.this, *node.expressions, node.args.get("query"), node.args.get("unnest")]
    return all_of(inner, scope, TRANSFORMATION)


def _exists(node: exp.Exists, scope: Scope) -> Origins:
    if not isinstance(node.this, exp.Query):
        return _any(node, scope)
    found: Relation = scope.context.query(node.this, scope)
    return derive(TRANSFORMATION, found.whole)


def _nothing(_node: Any, _scope: Scope) -> Origins:
    return NONE


_HANDLERS: dict[type, Callable[[Any, Scope], Origins]] = {
    exp.Alias: _same,
    exp.Paren: _same,
    exp.Column: _column,
    exp.Binary: _binary,
    exp.Case: _case,
    exp.If: _if,
    exp.Nvl2: _if,
    exp.DecodeCase: _decode,
    exp.Window: _window,
    exp.Filter: _filtered,
    exp.Order: _ordered,
    exp.WithinGroup: _within_group,
    exp.Subquery: _scalar,
    exp.In: _within,
    exp.Exists: _exists,
    exp.Query: _scalar,
    exp.AggFunc: _aggregate,
    exp.Anonymous: _called,
    exp.Coalesce: _default,
    **dict.fromkeys(OF_ONE_ROW, _any),
    **dict.fromkeys(COUNTS, _count),
    **dict.fromkeys(HASHES, _hash),
    exp.Dot: _part,
    exp.Transform: _part,
    exp.Bracket: _part,
    exp.MapKeys: _part,
    exp.Prior: _same,
    exp.ConnectByRoot: _same,
    exp.DataType: _nothing,
    exp.Interval: _nothing,
    exp.Var: _nothing,
    exp.Star: _nothing,
    exp.Identifier: _nothing,
    exp.Literal: _nothing,
}


@cache
def _handler(kind: type) -> Callable[[Any, Scope], Origins]:
    return next((_HANDLERS[base] for base in kind.__mro__ if base in _HANDLERS), _any)
