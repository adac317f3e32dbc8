"""PIVOT and UNPIVOT: rows to columns and back."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import origins_of
from emitter.refine.sql.origins import CONDITIONAL, NONE, TRANSFORMATION, Origins, derive
from emitter.refine.sql.relations import Column, Relation, merge
from emitter.refine.sql.scopes import Scope


def pivoted(node: exp.Pivot, relation: Relation, scope: Scope) -> Relation:
    """Returns a relation after PIVOT or UNPIVOT: what it takes up is gone, what it makes comes last."""
    inner = Scope(scope.context, scope.ctes)
    inner.add((), relation)
    made, taken = _unpivot(node, inner) if node.args.get("unpivot") else _pivot(node, inner)
    kept = tuple(column for column in relation.columns if column.name.lower() not in taken)
    return Relation((*kept, *made), relation.more, relation.without | taken, relation.whole, ahead=0)


def _pivot(node: exp.Pivot, scope: Scope) -> tuple[list[Column], frozenset[str]]:
    fields = [field.this for field in node.args.get("fields") or []]
    chosen = derive(CONDITIONAL, merge(origins_of(field, scope) for field in fields))
    aggregates = [origins_of(item, scope) | chosen for item in node.expressions]
    names = [scope.context.fold(name) for name in _names(node)]
    # Columns go value by value, and within a value aggregate by aggregate.
    columns = [Column(name, aggregates[index % len(aggregates)]) for index, name in enumerate(names)]
    return columns, _named([*fields, *node.expressions])


def _names(node: exp.Pivot) -> Iterator[str]:
    """Yields the names of the columns that PIVOT makes: sqlglot's, or by value where only some aggregates are named."""
    made = [column.name for column in node.args.get("columns") or []]
    fields = node.args.get("fields") or []
    values = [value.alias_or_name for field in fields for value in field.expressions]
    if len(fields) != 1 or len(made) == len(values) * len(node.expressions):
        yield from made
        return
    for value in values:
        for aggregate in node.expressions:
            yield f"{value}_{aggregate.alias}" if aggregate.alias else value


def _unpivot(node: exp.Pivot, scope: Scope) -> tuple[list[Column], frozenset[str]]:
    field = node.args["fields"][0]
    values = [value.this if isinstance(value, exp.PivotAlias) else value for value in field.expressions]
    origins: Origins = derive(TRANSFORMATION, merge(origins_of(value, scope) for value in values))
    name, value = field.this.name, node.expressions[0].name
    return [Column(scope.context.fold(name), NONE), Column(scope.context.fold(value), origins)], _named(values)


def _named(nodes: Iterable[Any]) -> frozenset[str]:
    return frozenset(column.name.lower() for node in nodes for column in node.find_all(exp.Column))
