#!/usr/bin/env bash
# A column with the name of a date part is no source for SQLLineage inside Redshift's date functions.
#
# Tool: sqllineage 1.5.9 with sqlfluff 4.5.0 (PyPI), dialect redshift.
# Input: CREATE TABLE AS with DATEADD, DATEDIFF and DATE_PART of columns named month, week and d. These names need no quotes in
# Redshift, and only the first argument is a date part.
# Guess: the second and third arguments are columns, whatever their name, as they are for another name.
# Observed: the column is missing from the lineage. DATEDIFF from month to shipped has one source, shipped. With the table in
# front of the column, in quotes, or in DATE_TRUNC, it is found.
# Why it matters: month, week and day are what calendar and aggregate tables call their columns. The lineage that is left looks
# complete, and an impact analysis of the column does not name the table.
#
#> dateadd(day, 1, month) -> nothing
#> date_part('year', d) -> nothing
#> datediff(day, week, shipped) -> shipped
#> datediff(day, ordered, shipped) -> ordered, shipped
#> dateadd(day, 1, o.month) -> month
#> dateadd(day, 1, "month") -> month
#> date_trunc('year', month) -> month
. "$(dirname "$0")/common.sh"
install sqllineage==1.5.9 sqlfluff==4.5.0
cat >lineage.py <<'PYTHON'
from sqllineage.runner import LineageRunner

for expression in (
    "dateadd(day, 1, month)",
    "date_part('year', d)",
    "datediff(day, week, shipped)",
    "datediff(day, ordered, shipped)",
    "dateadd(day, 1, o.month)",
    'dateadd(day, 1, "month")',
    "date_trunc('year', month)",
):
    statement = f"create table report as select {expression} as x from orders o"
    paths = LineageRunner(statement, dialect="redshift").get_column_lineage()
    print(f"{expression} -> {', '.join(sorted({path[0].raw_name for path in paths})) or 'nothing'}")
PYTHON
quietly venv/bin/python -W ignore lineage.py >seen
compare
