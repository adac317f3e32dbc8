"""The parts of a value that a statement constructs, so that one of them taken out again has its own origins.

`ROW(a, b)`, also under a cast that names its fields, Redshift's `OBJECT('k', a)` and `ARRAY(a, b)`, maps with constant
keys, and arrays of any of them. Of a value that comes from a table the parts are not known: a cast to a row type names
them, and each is made from the whole value.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import all_of, origins_of, path_of
from emitter.refine.sql.expressions.functions import called
from emitter.refine.sql.expressions.lambdas import made_by_lambda, parameters_of, read_in
from emitter.refine.sql.expressions.shape_algebra import (
    decided,
    either,
    entry_of,
    flat,
    is_of_rows,
    joined,
    merged_entries,
    of_type,
    through,
    typed,
    with_lists,
)
from emitter.refine.sql.origins import AGGREGATION, FILTER, NONE, SORT, TRANSFORMATION, Origins, derive, is_indirect
from emitter.refine.sql.relations import Column, Shape, merge
from emitter.refine.sql.scopes import Scope

_OBJECTS = frozenset({"object", "json_build_object"})
_COLLECTED = frozenset({"map_agg", "multimap_agg"})
_REARRANGED = frozenset({"array_flatten", "array_union", "subarray", "trim_array"})


def shape_of(node: Any, scope: Scope) -> Shape | None:
    """Returns the parts of an expression's value; None where they are not known.

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
    if isinstance(node, exp.Transform):
        return None if shape.element is None else made_by_lambda(shape.element, node.expression)
    if isinstance(node, exp.MapKeys):
        return None if shape.keys is None else Column("", shape.keys)
    if called(node):
        return None if shape.keys is None else shape.element
    if isinstance(node, exp.Dot):
        return shape.field(node.expression.name)
    return entry_of(shape, node.expressions)


def _made(name: str, node: Any, scope: Scope) -> Column:
    return Column(name, derive(TRANSFORMATION, origins_of(node, scope)), shape_of(node, scope))


def values_of(row: exp.Struct | exp.Tuple) -> list[Any]:
    """Returns the values of a row's fields, without the fields' names."""
    return [value for _, value in _fields(row)]


def _row(node: exp.Struct | exp.Tuple, scope: Scope) -> Shape:
    return Shape(tuple(_made(name, value, scope) for name, value in _fields(node)))


def _fields(row: exp.Struct | exp.Tuple) -> Iterator[tuple[str, Any]]:
    """Yields the name, "" if it has none, and the value of each field of a row."""
    for item in row.expressions:
        if isinstance(item, exp.PropertyEQ):
            yield item.this.name, item.expression
        elif isinstance(item, exp.Alias):
            yield item.alias, item.this
        else:
            yield "", item


def _named(node: exp.Anonymous, scope: Scope) -> Shape | None:
    if called(node) in _OBJECTS:
        return _of_pairs(node.expressions[::2], node.expressions[1::2], scope)
    if called(node) in _COLLECTED and len(node.expressions) == 2:  # noqa: PLR2004 # a key and a value
        shape = _collected_pairs(node.expressions[0], node.expressions[1], scope)
        return with_lists(shape) if called(node) == "multimap_agg" else shape
    if called(node) in _REARRANGED:
        return _rearranged_call(node, scope)
    maker = _MAPS.get(called(node))
    return None if maker is None or not node.expressions else maker(node.expressions, scope)


def _collected_pairs(key: Any, value: Any, scope: Scope) -> Shape:
    inner, by = _in_order(value, scope)
    element = through(AGGREGATION, Column("", origins_of(inner, scope), shape_of(inner, scope)))
    return decided(Shape((), element, derive(AGGREGATION, origins_of(key, scope))), by)


def _of_pairs(keys: Sequence[Any], values: Sequence[Any], scope: Scope) -> Shape | None:
    if len(keys) != len(values) or not keys:
        return None
    fields = tuple(_made(key.name, value, scope) for key, value in zip(keys, values, strict=True))
    # A number as a key is no place, so only texts lead to one entry.
    constant = all(isinstance(key, exp.Literal) and key.is_string for key in keys)
    made = derive(TRANSFORMATION, merge(origins_of(key, scope) for key in keys))
    return Shape(fields if constant else (), either(fields), made)


def _map(node: exp.Expression, scope: Scope) -> Shape | None:
    keys, values = node.args.get("keys"), node.args.get("values")
    if isinstance(keys, exp.Array) and isinstance(values, exp.Array):
        return _of_pairs(keys.expressions, values.expressions, scope)
    return None


def _entries(maps: Sequence[Any], scope: Scope) -> Shape | None:
    """Returns the parts of the array of a map's entries, which are rows of a key and a value."""
    shape = shape_of(maps[0], scope)
    if shape is None or shape.keys is None or shape.element is None:
        return None
    row = Shape((Column("", shape.keys), shape.element._replace(name="")))
    return Shape((), Column("", shape.keys | shape.element.origins, row))


def _zipped(arrays: Sequence[Any], scope: Scope) -> Shape:
    """Returns the parts of an array of rows that have an element of each of some arrays."""
    fields = tuple(_any_element(array, scope)._replace(name="") for array in arrays)
    return Shape((), Column("", merge(field.origins for field in fields), Shape(fields)))


def _any_element(array: Any, scope: Scope) -> Column:
    """Returns an element of an array; of one whose parts are not known, all that the array is made from."""
    shape = shape_of(array, scope)
    if shape is not None and shape.element is not None and shape.keys is None:
        return shape.element
    return Column("", derive(TRANSFORMATION, origins_of(array, scope)))


def _united(maps: Sequence[Any], scope: Scope) -> Shape | None:
    """Returns the parts of the map that an aggregate makes of the maps of many rows."""
    shape = shape_of(maps[0], scope)
    return None if shape is None else through(AGGREGATION, Column("", NONE, shape)).shape


def _map_of_entries(node: exp.Expression, scope: Scope) -> Shape | None:
    made = shape_of(node.this, scope)
    entry = made.element.shape if made is not None and made.element is not None else None
    if not isinstance(node.this, exp.Array) and entry is not None and len(entry.fields) == 2:  # noqa: PLR2004
        return Shape((), entry.fields[1], entry.fields[0].origins)
    rows = node.this.expressions if isinstance(node.this, exp.Array) else []
    if not rows or not all(isinstance(row, exp.Struct | exp.Tuple) and len(row.expressions) == 2 for row in rows):  # noqa: PLR2004
        return None
    return _of_pairs([row.expressions[0] for row in rows], [row.expressions[1] for row in rows], scope)


def _array(node: exp.Array, scope: Scope) -> Shape | None:
    fields = tuple(_made("", item, scope) for item in node.expressions)
    return Shape(fields, either(fields)) if fields else None


def _collected(node: exp.ArrayAgg, scope: Scope) -> Shape | None:
    inner, by = _in_order(node.this, scope)
    shape = shape_of(inner, scope)
    if shape is None:
        return None
    element = through(AGGREGATION, Column("", origins_of(inner, scope), shape))
    return decided(Shape((), element), by)


def _in_order(value: Any, scope: Scope) -> tuple[Any, Origins]:
    """Returns what an aggregate collects, without DISTINCT and ORDER BY, and what the order goes by."""
    keys: list[Any] = []
    while isinstance(value, exp.Order | exp.Distinct):
        keys += value.expressions if isinstance(value, exp.Order) else []
        value = value.this if isinstance(value, exp.Order) else value.expressions[0]
    return value, all_of(keys, scope, SORT)


def _cast(node: exp.Cast, scope: Scope) -> Shape | None:
    shape = shape_of(node.this, scope)
    if shape is not None:
        return typed(shape, node.to)
    # Most casts are to a type without parts, and what they read is of no interest here.
    return of_type(node.to, derive(TRANSFORMATION, origins_of(node.this, scope))) if is_of_rows(node.to) else None


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
    return decided(shape, frozenset(origin for origin in origins_of(node, scope) if is_indirect(origin)))


def _picked(node: exp.Expression, scope: Scope) -> Shape | None:
    """Returns the parts of the value of one row, which an aggregate picks; what it picks by is an origin of each."""
    shape = shape_of(node.this, scope)
    if shape is None or node.args.get("count") is not None:
        return None
    picked = through(AGGREGATION, Column("", NONE, shape)).shape
    by = derive(AGGREGATION, origins_of(node.args.get("expression"), scope))
    return None if picked is None else decided(picked, by)


def _of_row(node: exp.Expression, scope: Scope) -> Shape | None:
    """Returns the parts of the value of another row of a window, or of a default."""
    values = [node.this, node.args.get("default")]
    return joined([shape_of(value, scope) for value in values if value is not None])


def _compared(node: exp.Expression, scope: Scope) -> Shape | None:
    """Returns the parts of NULLIF's first argument; the second one decides on each."""
    shape = shape_of(node.this, scope)
    return None if shape is None else decided(shape, derive(TRANSFORMATION, origins_of(node.expression, scope)))


def _rearranged(node: exp.Expression, scope: Scope) -> Shape | None:
    """Returns the parts of an array that has the elements of others, in another order or some of them."""
    arrays = [value for value in (node.this, *node.expressions) if value is not None]
    return _of_elements(arrays, scope)


def _rearranged_call(node: exp.Anonymous, scope: Scope) -> Shape | None:
    arrays = node.expressions if called(node) == "array_union" else node.expressions[:1]
    shape = _of_elements(arrays, scope)
    return flat(shape) if called(node) == "array_flatten" else shape


def _chained(node: exp.DPipe, scope: Scope) -> Shape | None:
    # As in `expressions`, a chain of a hundred is gone down in a loop.
    parts: list[Any] = []
    left: Any = node
    while isinstance(left, exp.DPipe):
        parts.append(left.expression)
        left = left.this
    return _of_elements([left, *parts], scope)


def _without(node: exp.Expression, scope: Scope) -> Shape | None:
    """Returns the parts of an array without some elements; what these are compared with decides on each."""
    shape = _of_elements([node.this], scope)
    return None if shape is None else decided(shape, derive(TRANSFORMATION, origins_of(node.expression, scope)))


def _flattened(node: exp.Expression, scope: Scope) -> Shape | None:
    return flat(shape_of(node.this, scope))


def _of_elements(arrays: Sequence[Any], scope: Scope) -> Shape | None:
    """Returns the parts of an array of elements of some arrays, which element it is not being known; None of texts."""
    elements: list[Column] = []
    for array in arrays:
        shape = shape_of(array, scope)
        if shape is None or shape.element is None or shape.keys is not None:
            return None
        elements.append(through(TRANSFORMATION, shape.element))
    return Shape((), either(elements)) if elements else None


def _filtered(node: exp.Expression, scope: Scope) -> Shape | None:
    """Returns the parts of an array some of whose elements are left out; what the condition reads decides on each."""
    shape = _of_elements([node.this], scope)
    if shape is None or shape.element is None:
        return None
    read = made_by_lambda(shape.element, node.expression)
    if read is None:
        return None
    beside = derive(TRANSFORMATION, origins_of(node.expression.this, scope))
    return decided(shape, derive(FILTER, read.origins) | beside)


def _transformed(node: exp.Transform, scope: Scope) -> Shape | None:
    """Returns the parts of an array of rows that a lambda constructs."""
    function = node.expression
    if not isinstance(function, exp.Lambda):
        return None
    given = dict.fromkeys(parameters_of(function), _any_element(node.this, scope))
    body: Any = function.this
    types: list[Any] = []
    while isinstance(body, exp.Cast | exp.Paren):
        types += [body.to] if isinstance(body, exp.Cast) else []
        body = body.this
    if not isinstance(body, exp.Struct | exp.Tuple):
        return None
    made = ((name, origins_of(value, scope) | read_in(value, given)) for name, value in _fields(body))
    row = Shape(tuple(Column(name, derive(TRANSFORMATION, origins)) for name, origins in made))
    for to in reversed(types):
        row = typed(row, to) or row
    return Shape((), Column("", merge(field.origins for field in row.fields), row))


def _merged_maps(maps: Sequence[Any], scope: Scope) -> Shape | None:
    shapes = [shape_of(one, scope) for one in maps]
    known = [shape for shape in shapes if shape is not None and shape.keys is not None and shape.element is not None]
    if not known or len(known) < len(shapes):
        return None
    element = either([shape.element for shape in known if shape.element is not None])
    keys = merge(shape.keys for shape in known if shape.keys is not None)
    return Shape(merged_entries(known), element, keys)


def _scalar(node: exp.Subquery, scope: Scope) -> Shape | None:
    columns = scope.context.query(node, scope).columns
    return columns[0].shape if columns else None


_Reader = Callable[[Any, Scope], Shape | None]


def _of_arrays() -> dict[type, _Reader]:
    """Returns the readers of functions of arrays; not every version of sqlglot has a class for each."""
    same = ("ArrayConcat", "ArrayDistinct", "ArrayIntersect", "ArraySlice", "ArraySort", "Reverse", "Shuffle")
    by_name = dict.fromkeys(same, _rearranged) | dict.fromkeys(("ArrayExcept", "ArrayRemove"), _without)
    by_name |= {"ArrayFilter": _filtered, "Flatten": _flattened}
    return {getattr(exp, name): reader for name, reader in by_name.items() if hasattr(exp, name)}


_MAPS: dict[str, Callable[[Sequence[Any], Scope], Shape | None]] = {
    "map_concat": _merged_maps,
    "map_entries": _entries,
    "map_union": _united,
    "zip": _zipped,
}

_READERS: dict[type, _Reader] = {
    exp.Alias: _inner,
    exp.Paren: _inner,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Struct: _row,
    exp.Tuple: _row,
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
    exp.IgnoreNulls: _inner,
    exp.RespectNulls: _inner,
    exp.Try: _inner,
    exp.AnyValue: _picked,
    exp.ArgMax: _picked,
    exp.ArgMin: _picked,
    exp.Max: _picked,
    exp.Min: _picked,
    exp.FirstValue: _of_row,
    exp.LastValue: _of_row,
    exp.NthValue: _of_row,
    exp.Lag: _of_row,
    exp.Lead: _of_row,
    exp.Nullif: _compared,
    exp.Greatest: _coalesce,
    exp.Least: _coalesce,
    exp.Concat: _rearranged,
    exp.DPipe: _chained,
    exp.Filter: _around,
    exp.Transform: _transformed,
    exp.Subquery: _scalar,
    exp.Dot: _part,
    exp.Bracket: _part,
    **_of_arrays(),
}
