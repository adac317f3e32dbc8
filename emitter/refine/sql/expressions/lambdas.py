"""Origins of what a lambda reads of the elements that it is called with."""

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from emitter.refine.sql.origins import Origins
from emitter.refine.sql.relations import Column, merge


def made_by_lambda(element: Column, function: Any) -> Column | None:
    """Returns what a lambda reads of an element; names from around the lambda are not among it."""
    if not isinstance(function, exp.Lambda):
        return None
    return Column("", read_in(function.this, dict.fromkeys(parameters_of(function), element)))


def parameters_of(function: exp.Lambda) -> list[str]:
    """Returns the names of a lambda's parameters."""
    return [parameter.name for parameter in function.expressions]


def read_in(node: Any, parameters: Mapping[str, Column]) -> Origins:
    """Returns what an expression reads of the parameters of the lambda that it is in."""
    names = (one for one in node.find_all(exp.Identifier) if one.name in parameters and _is_parameter(one))
    return merge(_read_of(parameters[one.name], one) for one in names)


def _read_of(element: Column, parameter: exp.Identifier) -> Origins:
    """Returns the origins of what a condition reads of an element: of one field, or of the whole."""
    place = parameter.parent
    known = element.shape.field(place.expression.name) if isinstance(place, exp.Dot) and element.shape else None
    return element.origins if known is None else known.origins


def _is_parameter(name: exp.Identifier) -> bool:
    """True unless an identifier is part of a column's name, or the name of a field."""
    place = name.parent
    return not isinstance(place, exp.Column) and not (isinstance(place, exp.Dot) and place.expression is name)
