"""The name that an engine gives to an item of a select list without an alias."""

from typing import Any

from sqlglot import exp

from emitter.refine.sql.functions import called
from emitter.refine.sql.scopes import Context

# PostgreSQL's rule, which Redshift has inherited: a column's or a function's name goes before that of a type.
_POSTGRES = frozenset({"postgres", "redshift"})
_BY_FUNCTION: dict[type, str] = {
    exp.Abs: "abs",
    exp.ApproxDistinct: "count",
    exp.Avg: "avg",
    exp.Coalesce: "coalesce",
    exp.Concat: "concat",
    exp.Count: "count",
    exp.DateTrunc: "date_trunc",
    exp.DenseRank: "dense_rank",
    exp.Extract: "date_part",
    exp.FirstValue: "first_value",
    exp.Floor: "floor",
    exp.Greatest: "greatest",
    exp.GroupConcat: "listagg",
    exp.Initcap: "initcap",
    exp.Lag: "lag",
    exp.LastValue: "last_value",
    exp.Lead: "lead",
    exp.Least: "least",
    exp.Left: "left",
    exp.Lower: "lower",
    exp.LogicalAnd: "bool_and",
    exp.LogicalOr: "bool_or",
    exp.MD5: "md5",
    exp.Max: "max",
    exp.Median: "median",
    exp.Min: "min",
    exp.Nullif: "nullif",
    exp.Rank: "rank",
    exp.RegexpReplace: "regexp_replace",
    exp.Replace: "replace",
    exp.Right: "right",
    exp.Round: "round",
    exp.RowNumber: "row_number",
    exp.SplitPart: "split_part",
    exp.Substring: "substring",
    exp.Sum: "sum",
    exp.TimeToStr: "to_char",
    exp.TimestampTrunc: "date_trunc",
    exp.ToChar: "to_char",
    exp.Trim: "btrim",
    exp.Upper: "upper",
}
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
    """The name of an item of a select list as the engine stores it; "" where none is certain."""
    if isinstance(item, exp.Alias):
        return context.fold(item.alias)
    if context.dialect in _POSTGRES:
        return context.fold(_own(item) or _weak(item))
    inner = item
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Column):
        return context.fold(inner.name)
    return context.fold(inner.expression.name) if isinstance(inner, exp.Dot) else ""


def _own(node: Any) -> str:
    """The name of the column or the function that an expression is, through casts and the last branch of a CASE."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Window | exp.WithinGroup | exp.Filter):
        node = node.this
    if isinstance(node, exp.Column):
        return str(node.name)
    if isinstance(node, exp.Dot):
        return str(node.expression.name)
    if isinstance(node, exp.Case):
        return _own(node.args.get("default"))
    return called(node) or _BY_FUNCTION.get(node.__class__, "")


def _weak(node: Any) -> str:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Case):
        return "case"
    return _TYPES.get(node.to.this.name, "") if isinstance(node, exp.Cast) else ""
