#!/usr/bin/env bash
# For Athena, SQLLineage reads a quoted column as a text, so it has no lineage.
#
# Tool: sqllineage 1.5.9 with sqlfluff 4.5.0 (PyPI), dialect athena, and dialect trino beside it.
# Input: CREATE TABLE AS with columns in double quotes, as reserved words need them. In Athena's queries, as in Trino, double
# quotes are for names, and single quotes for texts (AWS, "Names for tables, databases, and columns").
# Guess: "order" has the lineage of order.
# Observed: a quoted column without its table in front of it has no lineage, without a warning. With dialect trino, or with the
# table in front, it has. Quoted tables and aliases are read well.
# Why it matters: the column graph loses just the columns that have to be quoted ("date", "order", "user"), and a search for what
# depends on one of them finds nothing.
#
#> athena: select "order", amount -> amount
#> athena: select coalesce("order", 0) as n, amount -> amount
#> athena: select o."order", amount -> amount, order
#> trino: select "order", amount -> amount, order
#> trino: select coalesce("order", 0) as n, amount -> amount, order
#> trino: select o."order", amount -> amount, order
. "$(dirname "$0")/common.sh"
install sqllineage==1.5.9 sqlfluff==4.5.0
cat >lineage.py <<'PYTHON'
from sqllineage.runner import LineageRunner

for dialect in ("athena", "trino"):
    for columns in ('"order", amount', 'coalesce("order", 0) as n, amount', 'o."order", amount'):
        statement = f"create table report as select {columns} from orders o"
        paths = LineageRunner(statement, dialect=dialect).get_column_lineage()
        sources = sorted({path[0].raw_name for path in paths})
        print(f"{dialect}: select {columns} -> {', '.join(sources)}")
PYTHON
quietly venv/bin/python -W ignore lineage.py >seen
compare
