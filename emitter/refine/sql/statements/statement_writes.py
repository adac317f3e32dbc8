"""The writes of a statement: CREATE TABLE AS, CREATE VIEW, INSERT, MERGE, UPDATE, DELETE, COPY, or a query."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import all_of, origins_of
from emitter.refine.sql.from_clause.sources import add_source
from emitter.refine.sql.origins import CONDITIONAL, FILTER, JOIN, NONE, Origins
from emitter.refine.sql.queries import read, with_names
from emitter.refine.sql.relations import UNKNOWN, Column, Columns, Relation, merge
from emitter.refine.sql.scopes import Scope
from emitter.refine.sql.statements.replaced_tables import parts_of


class Written(NamedTuple):
    """The write of one statement.

    Attributes:
        name: the parts of the table's name in lower case; empty for a query by itself.
        relation: what is written.
        makes: True if the table is new, so that later statements read what this one made.
        fills: True if rows are written; a table that is only created has columns alone.
    """

    name: tuple[str, ...]
    relation: Relation
    makes: bool = False
    fills: bool = True


def write(node: Any, scope: Scope) -> Written | None:
    """Returns the write of a statement; None if it writes nothing, as SET or GRANT."""
    if isinstance(node, exp.Select) and node.args.get("into") is not None:
        return Written(parts_of(node.args["into"].this), read(node, scope), makes=True)
    if isinstance(node, exp.Query | exp.Values):
        return Written((), read(node, scope))
    writer = _WRITERS.get(node.__class__)
    return None if writer is None else writer(node, replace(scope, ctes=with_names(node, scope)))


def _create(node: exp.Create, scope: Scope) -> Written | None:
    if isinstance(node.expression, exp.Query | exp.Values):
        return Written(parts_of(node.this), _listed(node.this, read(node.expression, scope), scope), makes=True)
    if isinstance(node.this, exp.Schema) and node.kind == "TABLE":
        return Written(parts_of(node.this), _empty(node.this, scope), makes=True, fills=False)
    return None


def _listed(table: Any, found: Relation, scope: Scope) -> Relation:
    """Returns the written relation under the list of columns after the table's name, if there is one."""
    if not isinstance(table, exp.Schema):
        return found
    return scope.context.renamed(found, [scope.context.fold(column.name) for column in table.expressions])


def _empty(table: exp.Schema, scope: Scope) -> Relation:
    """Returns the columns of a table that is created without rows, by a list or like another table."""
    columns: list[Column] = []
    for item in table.expressions:
        if isinstance(item, exp.LikeProperty):
            known = _columns_of(parts_of(item.this), scope)
            if known is None:
                return UNKNOWN
            columns += (Column(name, NONE) for name in known)
        elif isinstance(item, exp.ColumnDef | exp.Identifier):
            columns.append(Column(scope.context.fold(item.name), NONE))
    return Relation(tuple(columns))


def _insert(node: exp.Insert, scope: Scope) -> Written | None:
    if not isinstance(node.expression, exp.Query | exp.Values):
        return None
    name, found = parts_of(node.this), read(node.expression, scope)
    if isinstance(node.this, exp.Schema):
        return Written(name, _listed(node.this, found, scope))
    return Written(name, _by_place(found, name, scope))


def _by_place(found: Relation, name: tuple[str, ...], scope: Scope) -> Relation:
    """Rows without a list of columns go by place; where the table's columns are not known, no column is."""
    names = _columns_of(name, scope)
    if names is not None and (found.complete or len(found.placed) >= len(names)):
        return Relation(found.placed, whole=found.whole).renamed(names[: len(found.placed)])
    scope.context.unresolved["INSERT by place"] = None
    # The assignment of columns is unknown; their existence and the influences on them are known.
    return Relation(more=("",), whole=found.whole)


def _columns_of(name: tuple[str, ...], scope: Scope) -> tuple[str, ...] | None:
    """Returns a table's columns in order; None if they are not all known."""
    context = scope.context
    if (made := context.made_as(name)) is not None:
        return tuple(column.name for column in made.columns) if made.complete else None
    if context.target_columns is not None and context.is_target(name):
        return context.target_columns
    table = context.asked[name] = context.tables.find(name, context.target)
    known = context.tables.columns(table) if table is not None else Columns()
    return known.names if known.complete else None


def _merge(node: exp.Merge, scope: Scope) -> Written:
    add_source(node.this, scope)
    add_source(node.args["using"], scope)
    name, rows = parts_of(node.this), scope.parts[-1].relation
    columns: dict[str, Column] = {}
    whole = rows.whole | all_of([node.args.get("on")], scope, JOIN)
    unknown = False
    for when in node.args["whens"].expressions:
        condition, then = when.args.get("condition"), when.args.get("then")
        if not isinstance(then, exp.Update | exp.Insert):
            # DELETE and DO NOTHING: the condition decides which rows there are.
            whole |= all_of([condition], scope, FILTER)
        decided = all_of([condition], scope, CONDITIONAL)
        assigned = _assigned(then, rows, name, scope)
        unknown = unknown or assigned is None
        for column, origins in assigned or ():
            before = columns[column].origins if column in columns else NONE
            columns[column] = Column(column, before | origins | decided)
    return Written(name, Relation(tuple(columns.values()), ("",) if unknown else (), whole=whole))


def _assigned(then: Any, rows: Relation, name: tuple[str, ...], scope: Scope) -> list[tuple[str, Origins]] | None:
    """Returns the assignments of a branch of MERGE; None if they are positional in an unknown table."""
    if isinstance(then, exp.Update):
        return _set(then.expressions, scope)
    if not isinstance(then, exp.Insert):
        return []
    if isinstance(then.this, exp.Var):
        return _row_by_place(rows, name, scope)
    listed, values = _list_and_values(then)
    given = [origins_of(value, scope) for value in values]
    names = _columns_of(name, scope) if listed is None else [scope.context.fold(column.name) for column in listed]
    return _pairs(names, given, scope)


def _list_and_values(then: exp.Insert) -> tuple[Sequence[Any] | None, Sequence[Any]]:
    """Returns the columns that INSERT lists, None if it does not, and the values."""
    listed, values = then.this, then.expression
    if values:
        return (listed.expressions if isinstance(listed, exp.Tuple) else None), values.expressions
    # Without a list of columns sqlglot takes VALUES for a function in the place of the list.
    return None, listed.expressions[0].expressions if isinstance(listed, exp.Tuple) else []


def _row_by_place(rows: Relation, name: tuple[str, ...], scope: Scope) -> list[tuple[str, Origins]] | None:
    """INSERT ROW, and Redshift's REMOVE DUPLICATES: the source's columns in order."""
    given = [column.origins for column in rows.columns]
    return _pairs(_columns_of(name, scope) if rows.complete else None, given, scope)


def _pairs(names: Sequence[str] | None, given: Sequence[Origins], scope: Scope) -> list[tuple[str, Origins]] | None:
    if names is None:
        scope.context.unresolved["INSERT by place"] = None
        return None
    return list(zip(names, given, strict=False))


def _set(items: Iterable[Any], scope: Scope) -> list[tuple[str, Origins]]:
    pairs = ((item.this.name, item.expression) for item in items if isinstance(item, exp.EQ))
    return [(scope.context.fold(name), origins_of(value, scope)) for name, value in pairs]


def _update(node: exp.Update, scope: Scope) -> Written:
    clause = node.args.get("from_") or node.args.get("from")
    add_source(node.this, scope)
    if clause is not None:
        add_source(clause.this, scope)
    columns = [Column(name, origins) for name, origins in _set(node.expressions, scope)]
    return Written(parts_of(node.this), Relation(tuple(columns), whole=_where(node, scope)))


def _delete(node: exp.Delete, scope: Scope) -> Written:
    # Redshift needs no FROM, without which sqlglot takes the table for one of several.
    table = node.this or node.args["tables"][0]
    add_source(table, scope)
    for source in node.args.get("using") or []:
        add_source(source, scope)
    return Written(parts_of(table), Relation(whole=_where(node, scope)))


def _where(node: Any, scope: Scope) -> Origins:
    beneath = merge(part.relation.whole for part in scope.parts)
    where = node.args.get("where")
    return beneath | (all_of([where.this], scope, FILTER) if where else NONE)


def _copy(node: exp.Copy, scope: Scope) -> Written | None:
    """COPY fills a table from files, of which no column is known."""
    if not node.args.get("kind") or not isinstance(node.this, exp.Table | exp.Schema):
        return None
    if isinstance(node.this, exp.Schema):
        return Written(parts_of(node.this), _empty(node.this, scope))
    names = _columns_of(parts_of(node.this), scope)
    columns = tuple(Column(name, NONE) for name in names or ())
    return Written(parts_of(node.this), Relation(columns, () if names else ("",)))


_WRITERS: dict[type, Callable[[Any, Scope], Written | None]] = {
    exp.Create: _create,
    exp.Insert: _insert,
    exp.Merge: _merge,
    exp.Update: _update,
    exp.Delete: _delete,
    exp.Copy: _copy,
}
