#!/usr/bin/env bash
# sqlglot reads the operator @ of Redshift and PostgreSQL, the absolute value, as a bind parameter.
#
# Tool: sqlglot 30.30.0 (PyPI), dialects redshift and postgres.
# Input: `SELECT @ gap AS size, |/ gap AS root FROM t`. Both operators are in the two engines' pages on mathematical
# operators, and both are read before their operand.
# Guess: ABS(gap), as `|/` becomes SQRT(gap).
# Observed: the tree has a parameter called gap and no column, without an error. Written in the same dialect, the query is
# `SELECT $gap`, which neither engine takes. `@ (a - b)` becomes `$(a - b)`.
# Why it matters: lineage from the tree lacks the column, and a formatter or a transpiler breaks a valid query in silence.
#
#> redshift: SELECT $gap AS size, SQRT(gap) AS root FROM t
#> redshift: columns of size: []  of root: ['gap']
#> postgres: SELECT $gap AS size, SQRT(gap) AS root FROM t
#> postgres: columns of size: []  of root: ['gap']
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
venv/bin/python - >seen <<'PYTHON'
import sqlglot
from sqlglot import exp

for dialect in ("redshift", "postgres"):
    tree = sqlglot.parse_one("SELECT @ gap AS size, |/ gap AS root FROM t", read=dialect)
    print(f"{dialect}: {tree.sql(dialect)}")
    size, root = ([column.sql() for column in item.find_all(exp.Column)] for item in tree.selects)
    print(f"{dialect}: columns of size: {size}  of root: {root}")
PYTHON
compare
