"""The relation that a query returns: WITH, FROM, joins, set operations, and the select list with its stars."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import all_of, arg, origins_of
from emitter.refine.sql.expressions.functions import has_aggregate
from emitter.refine.sql.expressions.item_names import name_of
from emitter.refine.sql.expressions.shape_algebra import joined
from emitter.refine.sql.expressions.shapes import shape_of, values_of
from emitter.refine.sql.from_clause.recognized import recognized
from emitter.refine.sql.from_clause.sources import add_join, add_source, everything
from emitter.refine.sql.origins import FILTER, GROUP_BY, JOIN, NONE, SORT, Origins, derive
from emitter.refine.sql.relations import UNKNOWN, Column, Relation, beside, merge
from emitter.refine.sql.scopes import Context, Scope
from emitter.refine.sql.stars import expand

# Where a name inside an expression of ORDER BY is a column, and an alias only by itself.
_BARE_ALIASES = frozenset({"postgres", "redshift"})
# Where a row in VALUES, `VALUES ROW(a, b)`, is spread over columns.
_ROWS_ARE_VALUES = frozenset({"athena", "presto", "trino"})
# A recursive query's origins stop growing after as many rounds as a value needs to go through its columns.
_ROUNDS = 12


def read_query(node: Any, outer: Scope) -> Relation:
    """Returns the relation that a query returns, read at a place whose names it may use."""
    return read(node, Scope(outer.context, outer.ctes, outer))


def read(node: Any, scope: Scope) -> Relation:
    """Returns the relation that a query returns.

    Args:
        node: SELECT, a set operation, VALUES, or one of them in parentheses.
        scope: WITH names that it may use, and the place around it; its sources are still empty.
    """
    inner = Scope(scope.context, with_names(node, scope), scope.outer)
    if isinstance(node, exp.Select):
        return _select(node, inner)
    if isinstance(node, exp.SetOperation):
        return _set_operation(node, inner)
    if isinstance(node, exp.Subquery):
        found = read(node.this, inner)
        return _ordered(node, found, inner)
    if isinstance(node, exp.Values):
        return _values(node, inner)
    if isinstance(node, exp.Table):
        add_source(node, inner)
        return everything(inner)
    return UNKNOWN


def _values(node: exp.Values, scope: Scope) -> Relation:
    """Rows that are written out: each column may be any of the values at its place."""
    rows = [_written_row(row, scope) for row in node.expressions]
    return Relation(tuple(map(_either, zip(*rows, strict=False))))


def _written_row(row: Any, scope: Scope) -> list[Column]:
    values = row.expressions if isinstance(row, exp.Tuple) else [row]
    alone = values[0].unnest() if len(values) == 1 and scope.context.dialect in _ROWS_ARE_VALUES else None
    if isinstance(alone, exp.Struct):
        values = values_of(alone)
    elif isinstance(alone, exp.Cast) and isinstance(alone.this.unnest(), exp.Struct):
        shape = shape_of(alone, scope)
        return [field._replace(name="") for field in shape.fields] if shape is not None else []
    return [Column("", origins_of(value, scope), shape_of(value, scope)) for value in values]


def _either(columns: Sequence[Column]) -> Column:
    shape = joined([column.shape for column in columns])
    return Column(columns[0].name, merge(column.origins for column in columns), shape)


def with_names(node: Any, scope: Scope) -> Mapping[str, Relation]:
    """Returns the names of queries at a place, with those that a statement's own WITH gives."""
    clause = arg(node, "with")
    if clause is None:
        return scope.ctes
    ctes = dict(scope.ctes)
    for cte in clause.expressions:
        name = cte.alias.lower()
        names = [scope.context.fold(column.name) for column in cte.args["alias"].columns]
        inner = Scope(scope.context, ctes, scope.outer)
        recursive = clause.args.get("recursive") and isinstance(cte.this, exp.SetOperation)
        found = (
            _recursive(cte.this, name, names, inner)
            if recursive
            else scope.context.renamed(read(cte.this, inner), names)
        )
        ctes = {**ctes, name: found}
    return ctes


def _recursive(node: exp.SetOperation, name: str, names: Sequence[str], scope: Scope) -> Relation:
    """Reads a query that reads itself: from its first part on, until nothing is added any more."""
    first: Any = node
    ctes = scope.ctes
    while isinstance(first, exp.SetOperation):
        ctes = with_names(first, replace(scope, ctes=ctes))
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
        if operation.args.get("by_name"):
            found, right = _by_name(operation, found, right, scope.context)
        found = _union(found, right, scope.context) if isinstance(operation, exp.Union) else _filtered(found, right)
        found = _ordered(operation, found, scope)
    return found


def _by_name(node: exp.SetOperation, left: Relation, right: Relation, context: Context) -> tuple[Relation, Relation]:
    """CORRESPONDING goes by the names that both queries have, or that it lists, and BY NAME by those of either."""
    listed = [context.fold(column.name) for column in node.args.get("on") or []]
    names = listed or [column.name for column in left.columns]
    if node.args.get("kind"):
        names = [name for name in names if name.lower() in right.by_name or not right.complete]
    else:
        names += [column.name for column in right.columns if column.name.lower() not in left.by_name]
    return _ordered_by(names, left), _ordered_by(names, right)


def _ordered_by(names: Sequence[str], found: Relation) -> Relation:
    """Returns some columns of a query in the order of their names; a column that it lacks is null."""
    columns = tuple(Column(name, found.get(name.lower()) or NONE) for name in names)
    return replace(found, columns=columns, ahead=0)


def _union(left: Relation, right: Relation, context: Context) -> Relation:
    """UNION goes by place, as far as the places are known; the names are the first query's."""
    whole = left.whole | right.whole
    pairs = zip(left.placed, right.placed, strict=False)
    columns = tuple(_either(pair) for pair in pairs)
    if left.complete and right.complete:
        return Relation(columns, whole=whole)
    context.unresolved["UNION of unknown columns"] = None
    rest = left.columns[len(columns) :]
    return replace(left, columns=columns + rest, whole=whole)


def _filtered(left: Relation, right: Relation) -> Relation:
    """INTERSECT and EXCEPT: rows are the left side's, the right side decides which."""
    decided = derive(FILTER, merge(column.origins for column in right.columns) | right.whole)
    return replace(left, whole=left.whole | decided)


def _ordered(node: Any, found: Relation, scope: Scope) -> Relation:
    if (order := node.args.get("order")) is None:
        return found
    result = replace(scope, aliases=dict(found.by_name), alias_rule="first")
    return replace(found, whole=found.whole | _by_position(order.expressions, found.placed, result, SORT))


def _select(node: exp.Select, scope: Scope) -> Relation:
    if (clause := arg(node, "from")) is not None:
        add_source(clause.this, scope)
    joined_by = merge(add_join(join, scope) for join in node.args.get("joins") or [])
    for lateral in node.args.get("laterals") or []:
        add_source(lateral, scope)
    if (match := node.args.get("match")) is not None:
        _recognize(match, scope)
    scope.windows = {window.this.name.lower(): window for window in node.args.get("windows") or []}
    scope.hierarchical = node.args.get("connect") is not None
    # Before the select list, as WHERE shows which columns a table has, and knows no alias.
    whole = joined_by | _filters(node, scope)
    items, excluded = _excluding(node, scope.context.dialect)
    found = _project(items, scope)
    beneath = merge(part.relation.whole for part in scope.parts)
    return replace(_without(excluded, found), whole=beneath | whole | _decisions(node, found, scope))


def _recognize(match: exp.MatchRecognize, scope: Scope) -> None:
    """Puts what MATCH_RECOGNIZE returns in the place of the table before it."""
    found = recognized(match, scope) if len(scope.parts) == 1 else UNKNOWN
    if found is UNKNOWN:
        # sqlglot does not keep which of several tables the clause belongs to.
        scope.context.unresolved["MATCH_RECOGNIZE"] = None
    scope.sources, scope.parts = [], []
    alias = match.args.get("alias")
    scope.add((alias.name.lower(),) if alias is not None else (), found)


def _filters(node: exp.Select, scope: Scope) -> Origins:
    """Returns the influences on the rows of FROM: WHERE, and the start and the joins of a hierarchy."""
    where, connect = node.args.get("where"), node.args.get("connect")
    found = all_of([where.this], scope, FILTER) if where else NONE
    if connect is not None:
        found |= all_of([connect.args.get("start")], scope, FILTER) | all_of([connect.args["connect"]], scope, JOIN)
    return found


def _decisions(node: exp.Select, found: Relation, scope: Scope) -> Origins:
    """Returns the influences on the rows of the result: GROUP BY, HAVING, QUALIFY, ORDER BY."""
    group, having, qualify, order = (node.args.get(name) for name in ("group", "having", "qualify", "order"))
    # A table with a column of an alias's name would need it in GROUP BY's place, so the alias is meant.
    grouped = replace(scope, alias_rule="last", certain=scope.aliases.keys())
    whole = all_of([having.this], replace(scope, alias_rule="last"), FILTER) if having else NONE
    if qualify:
        whole |= all_of([qualify.this], replace(scope, alias_rule="last", certain=_windowed(node)), FILTER)
    if group:
        whole |= _by_position(list(_keys(group.iter_expressions())), found.placed, grouped, GROUP_BY)
        if group.args.get("all"):
            whole |= derive(GROUP_BY, _not_aggregated(node, scope))
    if order:
        whole |= _by_position(order.expressions, found.placed, replace(scope, alias_rule="first"), SORT)
    return whole


def _keys(nodes: Iterable[Any]) -> Iterator[Any]:
    """Yields the keys of GROUP BY, those of grouping sets one by one."""
    for node in nodes:
        if isinstance(node, exp.Cube | exp.GroupingSets | exp.Rollup | exp.Tuple):
            yield from _keys(node.expressions)
        else:
            yield node.unnest()


def _windowed(node: exp.Select) -> frozenset[str]:
    """Returns the aliases of window functions, which QUALIFY is there for."""
    return frozenset(item.alias.lower() for item in node.expressions if item.alias and item.find(exp.Window))


def _not_aggregated(node: exp.Select, scope: Scope) -> Origins:
    """Returns the keys of GROUP BY ALL: the items of the select list without an aggregate."""
    items = [item for item in node.expressions if _is_star(item) or not has_aggregate(item, scope.context.dialect)]
    stars = [expand(item, scope) for item in items if _is_star(item)]
    single = [origins_of(item, scope) for item in items if not _is_star(item)]
    return merge(single) | merge(column.origins for star in stars for column in star.columns)


def _by_position(nodes: Sequence[Any], columns: Sequence[Column], scope: Scope, kind: str) -> Origins:
    """Returns the keys of GROUP BY and ORDER BY, in which a number is a position in the select list.

    Args:
        nodes: the items of the clause.
        columns: the select list's columns, as far as their position is known.
        scope: the names at the clause's place.
        kind: of the influence.
    """
    found = NONE
    for node in nodes:
        by = node.this if isinstance(node, exp.Ordered) else node
        position = int(by.name) - 1 if isinstance(by, exp.Literal) and by.is_int else -1
        if 0 <= position < len(columns):
            found |= derive(kind, columns[position].origins)
        elif position >= 0:
            scope.context.unresolved[f"position {position + 1}"] = None
        else:
            found |= derive(kind, origins_of(by, _for_item(by, scope)))
    return found


def _for_item(by: Any, scope: Scope) -> Scope:
    bare = isinstance(by, exp.Column) or scope.alias_rule != "first"
    return scope if bare or scope.context.dialect not in _BARE_ALIASES else replace(scope, alias_rule="last")


def _project(items: Sequence[Any], scope: Scope) -> Relation:
    """Returns the select list's columns, in order."""
    found = Relation()
    columns: list[Column] = []
    for item in items:
        if _is_star(item):
            found = beside(beside(found, Relation(tuple(columns))), replace(expand(item, scope), whole=NONE))
            columns = []
        else:
            columns.append(_item(item, scope))
    return beside(found, Relation(tuple(columns)))


def _item(item: Any, scope: Scope) -> Column:
    name = name_of(item, scope.context)
    column = Column(name, origins_of(item, scope), shape_of(item, scope))
    if name:
        scope.aliases.setdefault(name.lower(), column.origins)
    return column


def _is_star(item: Any) -> bool:
    """True for `*`, `t.*`, `(row).*` and `(row).* AS (a, b)`."""
    if isinstance(item, exp.Column):
        return isinstance(item.this, exp.Star)
    return isinstance(item, exp.Star | exp.Aliases) or (
        isinstance(item, exp.Dot) and isinstance(item.expression, exp.Star)
    )


def _excluding(node: exp.Select, dialect: str) -> tuple[Sequence[Any], frozenset[str]]:
    """Returns the items of a select list, and the names that EXCLUDE takes out of all that they return.

    In Redshift the names are the last thing of the list and need no parentheses, so that sqlglot takes those from the
    second on for items.
    """
    items: Sequence[Any] = node.expressions
    names = [column.name for column in node.args.get("exclude") or []]
    for place, item in enumerate(items if dialect == "redshift" else ()):
        star = item.this if isinstance(item, exp.Column) else item
        excluded = arg(star, "except") if isinstance(star, exp.Star) else None
        rest = items[place + 1 :]
        if excluded and all(isinstance(each, exp.Column) and not each.table for each in rest):
            names += [column.name for column in (*excluded, *rest)]
            items = items[: place + 1]
            break
    return items, frozenset(name.lower() for name in names)


def _without(names: frozenset[str], found: Relation) -> Relation:
    if not names:
        return found
    columns = tuple(column for column in found.columns if column.name.lower() not in names)
    return replace(found, columns=columns, without=found.without | names if found.more else frozenset(), ahead=0)
