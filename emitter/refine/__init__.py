"""Refinement: from an event, a manifest and a catalog to an event that says what really happened.

Pure but for `artifacts` and the cache's file. Column lineage needs sqlglot, which is loaded when SQL is first read.
"""

from collections.abc import Mapping, Sequence

from emitter.refine.artifacts import Artifacts, find, make_refiner
from emitter.refine.errors import SqlNotUnderstood
from emitter.refine.event import Refiner
from emitter.refine.lineage import ColumnLineage
from emitter.refine.options import RefineOptions, options_from
from emitter.refine.origins import Origin
from emitter.refine.relations import Columns

__all__ = [
    "Artifacts",
    "ColumnLineage",
    "Columns",
    "Origin",
    "RefineOptions",
    "Refiner",
    "SqlNotUnderstood",
    "column_lineage",
    "find",
    "make_refiner",
    "options_from",
]


def column_lineage(
    sql: str, dialect: str, schema: Mapping[str, Sequence[str] | Columns | None], target: str | None = None
) -> ColumnLineage:
    """Reads the column lineage out of a SQL text; see `emitter.refine.columns.column_lineage`.

    Raises:
        SqlNotUnderstood: if the text can't be parsed or writes nothing.
        ImportError: if sqlglot is not installed.
    """
    from emitter.refine.columns import column_lineage as read  # noqa: PLC0415 # sqlglot takes time, and may be missing

    return read(sql, dialect, schema, target)
