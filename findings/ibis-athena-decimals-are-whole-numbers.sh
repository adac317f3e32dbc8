#!/usr/bin/env bash
# For Athena, Ibis writes a decimal without its scale, and Athena rounds it to a whole number.
#
# Tool: ibis-framework 12.0.0 with sqlglot 28.6.0 and duckdb 1.4.4 (PyPI); its SQL for Athena run on Trino 435 (Maven Central), as
# Athena's engine is one of Trino and documents the same default of DECIMAL.
# Input: Python's Decimal as a literal, and casts to "decimal" from a text, on DuckDB and for Athena.
# Guess: 1.99 stays 1.99, as on DuckDB; a Decimal says its scale itself.
# Observed: the SQL is CAST('1.99' AS DECIMAL), which is decimal(38,0). 1.99 is 2, 0.20 is 0, and 1.995 is below 1.99. There is no error
# and no warning. For Trino the same library writes DECIMAL(18, 3). A cast to "decimal(10, 2)" is right.
# Why it matters: rates, prices and thresholds in a pipeline are Decimals so that they are exact. The same expression is right in tests
# on DuckDB, and wrong on Athena.
#
#> Decimal('1.99'): DuckDB 1.990000000, Athena decimal(38,0) 2
#> Decimal('0.20') * 50: DuckDB 10.000000000, Athena decimal(38,0) 0
#> '1.99' as decimal: DuckDB 1.990000000, Athena decimal(38,0) 2
#> '1.99' as decimal(10, 2): DuckDB 1.99, Athena decimal(10,2) 1.99
#> 1.995 < Decimal('1.99'): DuckDB False, Athena boolean true
. "$(dirname "$0")/common.sh"
install "ibis-framework[duckdb]==12.0.0" duckdb==1.4.4 sqlglot==28.6.0
cat >decimals.py <<'PYTHON'
from decimal import Decimal

import ibis

EXPRESSIONS = {
    "Decimal('1.99')": ibis.literal(Decimal("1.99")),
    "Decimal('0.20') * 50": ibis.literal(Decimal("0.20")) * 50,
    "'1.99' as decimal": ibis.literal("1.99").cast("decimal"),
    "'1.99' as decimal(10, 2)": ibis.literal("1.99").cast("decimal(10, 2)"),
    "1.995 < Decimal('1.99')": ibis.literal(1.995) < ibis.literal(Decimal("1.99")),
}
duckdb = ibis.duckdb.connect()
with open("queries", "w") as queries, open("local", "w") as local:
    for text, expression in EXPRESSIONS.items():
        queries.write(f"{ibis.to_sql(expression, dialect='athena', pretty=False)}\n")
        local.write(f"{text}: DuckDB {duckdb.to_pyarrow(expression).as_py()}, Athena\n")
PYTHON
quietly venv/bin/python -W ignore decimals.py
run_trino queries >remote
paste -d " " local remote >seen
compare
