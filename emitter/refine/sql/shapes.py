"""The parts of a value that a statement constructs, so that one of them taken out again has its own origins.

`ROW(a, b)`, also under a cast that names its fields, Redshift's `OBJECT('k', a)` and `ARRAY(a, b)`, maps with constant
keys, and arrays of any of them. Of a value that comes from a table the parts are not known.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions import origins_of, path_of
from emitter.refine.sql.functions import called
from emitter.refine.sql.origins import AGGREGATION, TRANSFORMATION, Origins, derive, is_indirect
from emitter.refine.sql.relations import Column, Shape, merge
from emitter.refine.sql.scopes import Scope

_OBJECTS = frozenset({"object", "json_build_object"})
_COLLECTED = frozenset({"map_agg"})


def shape_of(node: Any, scope: Scope) -> Shape | None:
    """The parts of an expression's value; None where they are not known.

    Args:
        node: a sqlglot expression, or None.
        scope: the names at its place.
    """
    reader = _READERS.get(node.__class__)
    if reader is None:
        return None
    shape = reader(node, scope)
    scope.context.constructs = scope.context.constructs or shape is not None
    return shape


def part_of(node: Any, scope: Scope) -> Column | None:
    """The part that `value.field`, `value[key]` or a function takes out of a constructed value; None if not known."""
    shape = shape_of(node.expressions[0] if called(node) else node.this, scope)
    if shape is None:
        return None
    if isinstance(node, exp.MapKeys):
        return None if shape.keys is None else Column("", shape.keys)
    if called(node):
        return None if shape.keys is None else shape.element
    if isinstance(node, exp.Dot):
        return shape.field(node.expression.name)
    return _entry(shape, node.expressions)


def joined(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of a value that may be any of several; None if they differ in more than their origins."""
    first = shapes[0] if shapes else None
    if first is None or any(shape is None or len(shape.fields) != len(first.fields) for shape in shapes):
        return None
    rows = [shape.fields for shape in shapes if shape is not None]
    fields = [_either(columns) for columns in zip(*rows, strict=True)]
    elements = [shape.element for shape in shapes if shape is not None and shape.element is not None]
    keys = [shape.keys for shape in shapes if shape is not None and shape.keys is not None]
    return Shape(
        tuple(fields),
        _either(elements) if len(elements) == len(shapes) else None,
        merge(keys) if len(keys) == len(shapes) else None,
    )


def _either(columns: Sequence[Column]) -> Column:
    origins = merge(column.origins for column in columns)
    return Column(columns[0].name, origins, joined([column.shape for column in columns]))


def _made(name: str, node: Any, scope: Scope) -> Column:
    return Column(name, derive(TRANSFORMATION, origins_of(node, scope)), shape_of(node, scope))


def _entry(shape: Shape, keys: Sequence[Any]) -> Column | None:
    key = keys[0] if len(keys) == 1 else None
    if not isinstance(key, exp.Literal):
        return shape.element
    if not key.is_int:
        return next((found for found in shape.fields if found.name == key.name), shape.element)
    position = int(key.name)
    return shape.fields[position] if position < len(shape.fields) else shape.element


def _row(node: exp.Struct, scope: Scope) -> Shape:
    fields = []
    for item in node.expressions:
        named = isinstance(item, exp.PropertyEQ | exp.Alias)
        name = item.this.name if isinstance(item, exp.PropertyEQ) else item.alias if named else ""
        value = item.expression if isinstance(item, exp.PropertyEQ) else item.this if named else item
        fields.append(_made(name, value, scope))
    return Shape(tuple(fields))


def _named(node: exp.Anonymous, scope: Scope) -> Shape | None:
    if called(node) in _OBJECTS:
        return _of_pairs(node.expressions[::2], node.expressions[1::2], scope)
    if called(node) in _COLLECTED and len(node.expressions) == 2:  # noqa: PLR2004 # a key and a value
        return _collected_pairs(node.expressions[0], node.expressions[1], scope)
    return None


def _collected_pairs(key: Any, value: Any, scope: Scope) -> Shape:
    element = _through(AGGREGATION, Column("", origins_of(value, scope), shape_of(value, scope)))
    return Shape((), element, derive(AGGREGATION, origins_of(key, scope)))


def _of_pairs(keys: Sequence[Any], values: Sequence[Any], scope: Scope) -> Shape | None:
    if len(keys) != len(values) or not keys:
        return None
    fields = tuple(_made(key.name, value, scope) for key, value in zip(keys, values, strict=True))
    # A number as a key is no place, so only texts lead to one entry.
    constant = all(isinstance(key, exp.Literal) and key.is_string for key in keys)
    made = derive(TRANSFORMATION, merge(origins_of(key, scope) for key in keys))
    return Shape(fields if constant else (), _either(fields), made)


def _map(node: exp.Expression, scope: Scope) -> Shape | None:
    keys, values = node.args.get("keys"), node.args.get("values")
    if isinstance(keys, exp.Array) and isinstance(values, exp.Array):
        return _of_pairs(keys.expressions, values.expressions, scope)
    return None


def _map_of_entries(node: exp.Expression, scope: Scope) -> Shape | None:
    rows = node.this.expressions if isinstance(node.this, exp.Array) else []
    if not rows or not all(isinstance(row, exp.Struct) and len(row.expressions) == 2 for row in rows):  # noqa: PLR2004
        return None
    return _of_pairs([row.expressions[0] for row in rows], [row.expressions[1] for row in rows], scope)


def _array(node: exp.Array, scope: Scope) -> Shape | None:
    fields = tuple(_made("", item, scope) for item in node.expressions)
    return Shape(fields, _either(fields)) if fields else None


def _collected(node: exp.ArrayAgg, scope: Scope) -> Shape | None:
    inner = node.this
    while isinstance(inner, exp.Order | exp.Distinct):
        inner = inner.this if isinstance(inner, exp.Order) else inner.expressions[0]
    shape = shape_of(inner, scope)
    if shape is None:
        return None
    element = _through(AGGREGATION, Column("", origins_of(inner, scope), shape))
    return Shape((), element)


def _through(kind: str, column: Column) -> Column:
    shape = column.shape
    if shape is not None:
        fields = tuple(_through(kind, each) for each in shape.fields)
        keys = None if shape.keys is None else derive(kind, shape.keys)
        shape = Shape(fields, None if shape.element is None else _through(kind, shape.element), keys)
    return Column(column.name, derive(kind, column.origins), shape)


def _cast(node: exp.Cast, scope: Scope) -> Shape | None:
    shape = shape_of(node.this, scope)
    return None if shape is None else _typed(shape, node.to)


def _typed(shape: Shape, to: Any) -> Shape | None:
    """A shape under the names that a type gives to its fields."""
    inner = to.expressions if isinstance(to, exp.DataType) else []
    if to.this == exp.DataType.Type.STRUCT and len(inner) == len(shape.fields):
        return Shape(tuple(_field(column, definition) for column, definition in zip(shape.fields, inner, strict=True)))
    if to.this == exp.DataType.Type.ARRAY and inner and shape.element is not None:
        fields = tuple(_retyped(column, inner[0]) for column in shape.fields)
        return Shape(fields, _retyped(shape.element, inner[0]))
    return shape if to.this == exp.DataType.Type.MAP else None


def _field(column: Column, definition: Any) -> Column:
    if isinstance(definition, exp.ColumnDef):
        return _retyped(column._replace(name=definition.name), definition.args.get("kind"))
    return _retyped(column, definition)


def _retyped(column: Column, to: Any) -> Column:
    if column.shape is None or not isinstance(to, exp.DataType):
        return column
    return column._replace(shape=_typed(column.shape, to))


def _inner(node: exp.Expression, scope: Scope) -> Shape | None:
    return shape_of(node.this, scope)


def _column(node: exp.Column, scope: Scope) -> Shape | None:
    # Most statements construct nothing, and this is asked of each column.
    return scope.shape(path_of(node, scope)) if scope.context.constructs else None


def _part(node: exp.Expression, scope: Scope) -> Shape | None:
    found = part_of(node, scope)
    return None if found is None else found.shape


def _coalesce(node: exp.Coalesce, scope: Scope) -> Shape | None:
    return _chosen(node, [node.this, *node.expressions], scope)


def _case(node: exp.Case, scope: Scope) -> Shape | None:
    values = [branch.args.get("true") for branch in node.args.get("ifs") or []]
    return _chosen(node, [*values, node.args.get("default")], scope)


def _if(node: exp.If, scope: Scope) -> Shape | None:
    return _chosen(node, [node.args.get("true"), node.args.get("false")], scope)


def _around(node: exp.Expression, scope: Scope) -> Shape | None:
    return _chosen(node, [node.this], scope)


def _chosen(node: exp.Expression, values: Sequence[Any], scope: Scope) -> Shape | None:
    """The parts of a value that may be any of several; what decides on the value decides on each of its parts."""
    shape = joined([shape_of(value, scope) for value in values if value is not None])
    if shape is None:
        return None
    return _decided(shape, frozenset(origin for origin in origins_of(node, scope) if is_indirect(origin)))


def _decided(shape: Shape, by: Origins) -> Shape:
    element = None if shape.element is None else _decided_part(shape.element, by)
    return Shape(tuple(_decided_part(column, by) for column in shape.fields), element, shape.keys)


def _decided_part(column: Column, by: Origins) -> Column:
    shape = None if column.shape is None else _decided(column.shape, by)
    return Column(column.name, column.origins | by, shape)


def _scalar(node: exp.Subquery, scope: Scope) -> Shape | None:
    columns = scope.context.query(node, scope).columns
    return columns[0].shape if columns else None


_READERS: dict[type, Callable[[Any, Scope], Shape | None]] = {
    exp.Alias: _inner,
    exp.Paren: _inner,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Struct: _row,
    exp.Anonymous: _named,
    exp.Map: _map,
    exp.VarMap: _map,
    exp.MapFromEntries: _map_of_entries,
    exp.Array: _array,
    exp.ArrayAgg: _collected,
    exp.Column: _column,
    exp.Coalesce: _coalesce,
    exp.Case: _case,
    exp.If: _if,
    exp.Window: _around,
    exp.Filter: _around,
    exp.Subquery: _scalar,
    exp.Dot: _part,
    exp.Bracket: _part,
}
