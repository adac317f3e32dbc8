"""The name that an engine gives to an item of a select list without an alias."""

import re
from typing import Any

from sqlglot import exp

from emitter.refine.sql.expressions.functions import called
from emitter.refine.sql.scopes import Context

# PostgreSQL's rule, which Redshift has inherited: a column's or a function's name has precedence over a type's. A
# function has the name that the statement calls it by, but for those that the engine turns into others.
_POSTGRES = frozenset({"postgres", "redshift"})
_RENAMED = {"dateadd": "date_add", "datediff": "date_diff", "ifnull": "coalesce", "nvl": "coalesce", "trim": "btrim"}
# What these are turned into is in no page of the documentation.
_UNCERTAIN = frozenset({"convert", "date_part", "decode", "isnull", "nvl2"})
# Those that sqlglot keeps no place in the text of.
_BY_FUNCTION: dict[type, str] = {
    exp.ApproxDistinct: "count",
    exp.Ceil: "ceil",
    exp.Chr: "chr",
    exp.Coalesce: "coalesce",
    exp.Extract: "date_part",
    exp.Floor: "floor",
    exp.GroupConcat: "listagg",
    exp.Overlay: "overlay",
    exp.StrPosition: "position",
    exp.Substring: "substring",
    exp.Trim: "btrim",
}
_CALL = re.compile(r"(\w+)\s*\(")
_TYPES = {
    "BIGINT": "int8",
    "BOOLEAN": "bool",
    "CHAR": "bpchar",
    "DATE": "date",
    "DECIMAL": "numeric",
    "DOUBLE": "float8",
    "FLOAT": "float4",
    "INT": "int4",
    "SMALLINT": "int2",
    "SUPER": "super",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "VARCHAR": "varchar",
}


def name_of(item: Any, context: Context) -> str:
    """Returns the name of an item of a select list as the engine stores it; "" where none is certain."""
    if isinstance(item, exp.Alias):
        return context.fold(item.alias)
    if context.dialect in _POSTGRES:
        return context.fold(_own(item, context.text) or _weak(item))
    inner = item
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Column):
        return context.fold(inner.name)
    return context.fold(inner.expression.name) if isinstance(inner, exp.Dot) else ""


def _own(node: Any, text: str) -> str:
    """The name of the column or the function that an expression is, through casts and the last branch of a CASE."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Window | exp.WithinGroup | exp.Filter):
        node = node.this
    if isinstance(node, exp.Column):
        return str(node.name)
    if isinstance(node, exp.Dot):
        return str(node.expression.name)
    if isinstance(node, exp.Case):
        return _own(node.args.get("default"), text)
    return _function(node, text) if isinstance(node, exp.Func) else ""


def _function(node: exp.Func, text: str) -> str:
    """Returns the name of a call's result, by the function's name in the text."""
    start = node.meta.get("start")
    call = _CALL.match(text, start) if start is not None else None
    word = call[1].lower() if call is not None else called(node)
    if not word:
        return _BY_FUNCTION.get(node.__class__, "")
    return "" if word in _UNCERTAIN else _RENAMED.get(word, word)


def _weak(node: Any) -> str:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Case):
        return "case"
    return _TYPES.get(node.to.this.name, "") if isinstance(node, exp.Cast) else ""
