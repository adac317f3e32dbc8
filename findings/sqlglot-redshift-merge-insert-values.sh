#!/usr/bin/env bash
# sqlglot reads the values of a Redshift MERGE as the names of the columns to fill.
#
# Tool: sqlglot 30.30.0 (PyPI), dialect redshift.
# Input: a MERGE with `WHEN NOT MATCHED THEN INSERT VALUES (...)`. Redshift's list of columns is optional.
# Guess: an Insert node without columns, with a tuple of two values, as in every other dialect.
# Observed: in dialect redshift alone, the Insert node has no values. Its column list holds one call of an unknown function
# named VALUES. No error and no warning. The SQL that sqlglot writes back has other parentheses, which Redshift would
# read as a list of columns.
# Why it matters: the values of the inserted row are its column lineage. A reader of the syntax tree finds none,
# so a table that dbt fills by MERGE looks as if only its UPDATE branch wrote it.
#
#> athena   columns: None   values: (s.a, s.b)   SQL: INSERT VALUES (s.a, s.b)
#> postgres columns: None   values: (s.a, s.b)   SQL: INSERT VALUES (s.a, s.b)
#> redshift columns: (VALUES(s.a, s.b)) [Anonymous]   values: None   SQL: INSERT (VALUES(s.a, s.b))
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
venv/bin/python - >seen <<'PYTHON'
import sqlglot
from sqlglot import exp

MERGE = "merge into t using s on t.a = s.a when matched then update set b = s.b when not matched then insert values (s.a, s.b)"

for dialect in ("athena", "postgres", "redshift"):
    merge = sqlglot.parse_one(MERGE, dialect=dialect)
    insert = merge.find(exp.Insert)
    columns, values = insert.this, insert.expression
    kinds = f" [{type(columns.expressions[0]).__name__}]" if columns else ""
    shown = f"{columns.sql(dialect)}{kinds}" if columns else None
    row = values.sql(dialect) if values else None
    print(f"{dialect:8} columns: {shown}   values: {row}   SQL: {merge.sql(dialect).split('NOT MATCHED THEN ')[1]}")
PYTHON
compare
