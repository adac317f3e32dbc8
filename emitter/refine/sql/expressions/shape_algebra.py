"""Shapes made of other shapes, whatever expression they come from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from emitter.refine.sql.origins import NONE, Origins, derive
from emitter.refine.sql.relations import Column, Shape, merge


def joined(shapes: Sequence[Shape | None]) -> Shape | None:
    """Returns the shape of a value that may be any of several; None if they differ in more than their origins."""
    known = [shape for shape in shapes if shape is not None]
    if not known or len(known) < len(shapes) or len({len(shape.fields) for shape in known}) > 1:
        return None
    rows = [shape.fields for shape in known]
    fields = [either(columns) for columns in zip(*rows, strict=True)]
    elements = [shape.element for shape in known if shape.element is not None]
    keys = [shape.keys for shape in known if shape.keys is not None]
    return Shape(
        tuple(fields),
        either(elements) if len(elements) == len(known) else None,
        merge(keys) if len(keys) == len(known) else None,
    )


def either(columns: Sequence[Column]) -> Column:
    """Returns the part that may be any of several."""
    origins = merge(column.origins for column in columns)
    return Column(columns[0].name, origins, joined([column.shape for column in columns]))


def through(kind: str, column: Column) -> Column:
    """Returns a part whose value went through a function of a kind."""
    shape = column.shape
    if shape is not None:
        fields = tuple(through(kind, each) for each in shape.fields)
        keys = None if shape.keys is None else derive(kind, shape.keys)
        shape = Shape(fields, None if shape.element is None else through(kind, shape.element), keys)
    return Column(column.name, derive(kind, column.origins), shape)


def typed(shape: Shape, to: Any) -> Shape | None:
    """Returns a shape under the names that a type gives to its fields."""
    inner = to.expressions if isinstance(to, exp.DataType) else []
    if to.this == exp.DataType.Type.STRUCT and len(inner) == len(shape.fields):
        return Shape(tuple(_field(column, definition) for column, definition in zip(shape.fields, inner, strict=True)))
    if to.this == exp.DataType.Type.ARRAY and inner and shape.element is not None:
        fields = tuple(_retyped(column, inner[0]) for column in shape.fields)
        return Shape(fields, _retyped(shape.element, inner[0]))
    return shape if to.this == exp.DataType.Type.MAP else None


def is_of_rows(to: Any) -> bool:
    """True if a type is that of a row, or of arrays or maps of rows."""
    found = to.find_all(exp.DataType) if isinstance(to, exp.DataType) else ()
    return any(one.this == exp.DataType.Type.STRUCT for one in found)


def of_type(to: Any, origins: Origins) -> Shape | None:
    """Returns the shape that a type of rows gives to a value whose parts are not known; None of any other type.

    Args:
        to: The type.
        origins: What the value, and so each of its parts, is made from.
    """
    inner = to.expressions if isinstance(to, exp.DataType) else []
    whole = Column("", origins)
    if not inner:
        return None
    if to.this == exp.DataType.Type.STRUCT:
        return Shape(tuple(_field(whole, definition) for definition in inner))
    element = _retyped(whole, inner[-1])
    if element.shape is None:
        return None
    return Shape((), element, origins if to.this == exp.DataType.Type.MAP else None)


def _field(column: Column, definition: Any) -> Column:
    if isinstance(definition, exp.ColumnDef):
        return _retyped(column._replace(name=definition.name), definition.args.get("kind"))
    return _retyped(column, definition)


def _retyped(column: Column, to: Any) -> Column:
    if not isinstance(to, exp.DataType):
        return column
    shape = of_type(to, column.origins) if column.shape is None else typed(column.shape, to)
    return column._replace(shape=shape)


def decided(shape: Shape, by: Origins) -> Shape:
    """Returns a shape each part of which has further origins."""
    element = None if shape.element is None else _decided_part(shape.element, by)
    return Shape(tuple(_decided_part(column, by) for column in shape.fields), element, shape.keys)


def _decided_part(column: Column, by: Origins) -> Column:
    shape = None if column.shape is None else decided(column.shape, by)
    return Column(column.name, column.origins | by, shape)


def with_lists(shape: Shape) -> Shape:
    """Returns the parts of a map that has arrays of the values of another one."""
    element = shape.element or Column("", NONE)
    return replace(shape, element=Column("", element.origins, Shape((), element)))


def flat(shape: Shape | None) -> Shape | None:
    """Returns the parts of the array that has the elements of an array's arrays."""
    return None if shape is None or shape.element is None else shape.element.shape


def entry_of(shape: Shape, keys: Sequence[Any]) -> Column | None:
    """Returns the part that a constant key leads to; any element where the key is not constant."""
    key = keys[0] if len(keys) == 1 else None
    if not isinstance(key, exp.Literal):
        return shape.element
    if not key.is_int:
        return next((found for found in shape.fields if found.name == key.name), shape.element)
    position = int(key.name)
    return shape.fields[position] if position < len(shape.fields) else shape.element


def merged_entries(maps: Sequence[Shape]) -> tuple[Column, ...]:
    """Returns the entries of a map that is made of several, each of which may be of any map that has it."""
    by_name: defaultdict[str, list[Column]] = defaultdict(list)
    for shape in maps:
        if not shape.fields:
            # Where one map's keys are not known, it may have any.
            return ()
        for column in shape.fields:
            by_name[column.name].append(column)
    return tuple(map(either, by_name.values()))
