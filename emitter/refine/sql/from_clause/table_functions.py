"""Table functions of Trino in FROM, `TABLE(f(...))`: what they read, and what they return where that is known.

What a function makes of the tables that it is given is its own matter. Trino's page "Table functions" says it of two.
"""

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.expression_origins import all_of
from emitter.refine.sql.expressions.functions import called
from emitter.refine.sql.origins import TRANSFORMATION
from emitter.refine.sql.relations import UNKNOWN, Column, Relation
from emitter.refine.sql.scopes import Scope
from emitter.refine.sql.statements.table_words import TABLE_FUNCTION


def returned(call: Any, scope: Scope) -> Relation:
    """Returns the rows of a table function; unknown ones of most. The tables that it is given are read.

    Args:
        call: What stands in FROM in the place of a table's name.
        scope: The place of the query.
    """
    function = call.expressions[0] if called(call) == TABLE_FUNCTION and call.expressions else call
    given = [_table(argument, scope) for argument in _arguments(function, TABLE_FUNCTION)]
    if called(function) == "exclude_columns" and len(given) == 1:
        without = {name.name.lower() for one in _arguments(function, "descriptor") for name in one.expressions}
        return given[0].excluding(without)
    if isinstance(function, exp.GenerateSeries):
        # sqlglot's name of `sequence`.
        return Relation((Column("sequential_number", all_of(function.iter_expressions(), scope, TRANSFORMATION)),))
    return UNKNOWN


def _arguments(function: Any, kind: str) -> Iterator[Any]:
    """Yields the arguments of a call that are tables, or descriptors of columns, without their names."""
    for argument in function.expressions if isinstance(function, exp.Func) else ():
        value = argument.expression if isinstance(argument, exp.Kwarg) else argument
        value = value.this if isinstance(value, exp.Alias) else value
        if called(value) == kind and value.expressions:
            yield value


def _table(argument: Any, scope: Scope) -> Relation:
    """Returns the table or the query in `TABLE(...)`."""
    inner = argument.expressions[0]
    if isinstance(inner, exp.Query):
        return scope.context.query(inner, scope)
    parts = [part.name for part in inner.parts] if isinstance(inner, exp.Column) else []
    if len(parts) == 1 and parts[0].lower() in scope.ctes:
        return scope.ctes[parts[0].lower()]
    return scope.context.read(parts) if parts else UNKNOWN
