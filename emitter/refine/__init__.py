"""Refinement: from an event, a manifest and a catalog to an event that says what really happened.

Pure but for `artifacts` and the cache's file. Column lineage needs sqlglot, which is loaded when SQL is first read.
"""

from collections.abc import Mapping, Sequence

from emitter.refine.project_refiner import Artifacts, find, make_refiner
from emitter.refine.refine_options import RefineOptions, options_from
from emitter.refine.refiner import Refiner
from emitter.refine.sql.lineage_value import ColumnLineage
from emitter.refine.sql.origins import Origin
from emitter.refine.sql.relations import Columns
from emitter.refine.sql.sql_not_understood import SqlNotUnderstood

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
    """Reads the column lineage out of a SQL text; see `emitter.refine.sql.columns.column_lineage`.

    Raises:
        SqlNotUnderstood: if the text can't be parsed or writes nothing.
        ImportError: if sqlglot is not installed.
    """
    from emitter.refine.sql.columns import column_lineage as read  # noqa: PLC0415 # sqlglot takes time, and may be missing

    return read(sql, dialect, schema, target)
