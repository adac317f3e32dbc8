"""What a statement writes: CREATE TABLE AS, CREATE VIEW, INSERT, MERGE, UPDATE, DELETE, or a query by itself."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlglot import exp

from emitter.refine.expressions import all_of, origins_of
from emitter.refine.origins import CONDITIONAL, FILTER, JOIN, NONE
from emitter.refine.queries import read
from emitter.refine.relations import Column, Relation, union_of
from emitter.refine.scopes import Scope
from emitter.refine.sources import add_join, add_source


class Written(NamedTuple):
    """What one statement writes.

    Attributes:
        name: the parts of the table's name in lower case; empty for a query by itself.
        relation: what is written.
        makes: whether the table is new, so that later statements read what this one made.
    """

    name: tuple[str, ...]
    relation: Relation
    makes: bool = False


def write(node: Any, scope: Scope) -> Written | None:
    """What a statement writes; None if it writes nothing, as SET or GRANT."""
    if isinstance(node, exp.Query):
        return Written((), read(node, scope))
    if isinstance(node, exp.Create | exp.Insert) and isinstance(node.expression, exp.Query | exp.Values):
        return _filled(node, scope)
    if isinstance(node, exp.Merge):
        return _merge(node, scope)
    if isinstance(node, exp.Update):
        return _update(node, scope)
    if isinstance(node, exp.Delete):
        return _delete(node, scope)
    return None


def _parts(node: Any) -> tuple[str, ...]:
    table = node.this if isinstance(node, exp.Schema) else node
    return tuple(part.name.lower() for part in table.parts if part.name)


def _filled(node: Any, scope: Scope) -> Written:
    name = _parts(node.this)
    with_clause = node.args.get("with_") or node.args.get("with")
    if with_clause is not None and not (node.expression.args.get("with_") or node.expression.args.get("with")):
        node.expression.set("with_" if "with_" in exp.Select.arg_types else "with", with_clause)
    found = read(node.expression, scope)
    if isinstance(node.this, exp.Schema):
        found = found.renamed([scope.context.fold(column.name) for column in node.this.expressions])
    elif isinstance(node, exp.Insert):
        found = _by_place(found, name, scope)
    return Written(name, found, makes=isinstance(node, exp.Create))


def _by_place(found: Relation, name: tuple[str, ...], scope: Scope) -> Relation:
    """INSERT without a list of columns goes by place, where the table's columns are known."""
    context = scope.context
    table = context.asked[name] = context.tables.find(name, context.target)
    known = context.tables.columns(table) if table is not None else None
    if known is None or not known.complete or not found.complete:
        return found
    return found.renamed(known.names[: len(found.columns)])


def _merge(node: exp.Merge, scope: Scope) -> Written:
    add_source(node.this, scope)
    add_source(node.args["using"], scope)
    columns: dict[str, Column] = {}
    whole = scope.sources[-1].relation.whole | all_of([node.args.get("on")], scope, JOIN)
    for when in node.args["whens"].expressions:
        condition, then = when.args.get("condition"), when.args.get("then")
        if not isinstance(then, exp.Update | exp.Insert):
            # DELETE and DO NOTHING: the condition decides which rows there are.
            whole |= all_of([condition], scope, FILTER)
        decided = all_of([condition], scope, CONDITIONAL)
        for name, value in _assignments(then):
            column = scope.context.fold(name)
            before = columns[column].origins if column in columns else NONE
            columns[column] = Column(column, before | origins_of(value, scope) | decided)
    return Written(_parts(node.this), Relation(tuple(columns.values()), whole=whole))


def _assignments(then: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(then, exp.Update):
        return _set(then.expressions)
    if isinstance(then, exp.Insert) and isinstance(then.this, exp.Tuple):
        names = [column.name for column in then.this.expressions]
        return zip(names, then.expression.expressions, strict=False)
    return ()


def _set(items: Sequence[Any]) -> Iterable[tuple[str, Any]]:
    return ((item.this.name, item.expression) for item in items if isinstance(item, exp.EQ))


def _update(node: exp.Update, scope: Scope) -> Written:
    clause = node.args.get("from_") or node.args.get("from")
    add_source(node.this, scope)
    joined = NONE
    if clause is not None:
        add_source(clause.this, scope)
        joined = union_of(add_join(join, scope) for join in clause.this.args.get("joins") or [])
    columns = [Column(scope.context.fold(name), origins_of(value, scope)) for name, value in _set(node.expressions)]
    return Written(_parts(node.this), Relation(tuple(columns), whole=joined | _where(node, scope)))


def _delete(node: exp.Delete, scope: Scope) -> Written:
    add_source(node.this, scope)
    for source in node.args.get("using") or []:
        add_source(source, scope)
    return Written(_parts(node.this), Relation(whole=_where(node, scope)))


def _where(node: Any, scope: Scope) -> Any:
    beneath = union_of(source.relation.whole for source in scope.sources)
    where = node.args.get("where")
    return beneath | (all_of([where.this], replace(scope, aliases={}), FILTER) if where else NONE)
