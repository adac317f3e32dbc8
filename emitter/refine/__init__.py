"""Refinement: a pure step from an event, a manifest and a catalog to a corrected event.

Only `project_refiner` and the cache of column lineage read files. sqlglot is imported when SQL is first parsed.
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
    """Derives the column lineage of a SQL text; see `emitter.refine.sql.columns.column_lineage`.

    Raises:
        SqlNotUnderstood: The text can't be parsed, or writes nothing.
        ImportError: sqlglot is not installed.
    """
    from emitter.refine.sql.columns import column_lineage as read  # noqa: PLC0415 # sqlglot takes time, and may be missing

    return read(sql, dialect, schema, target)
