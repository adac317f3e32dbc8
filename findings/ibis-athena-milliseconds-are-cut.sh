#!/usr/bin/env bash
# For Athena and Trino, Ibis' as_timestamp("ms") returns whole seconds.
#
# Tool: ibis-framework 12.0.0 with sqlglot 28.6.0 and duckdb 1.4.4 (PyPI), its SQL run on Trino 435 (Maven Central), in one process.
# Input: milliseconds since 1970 as an integer, as Kafka and many APIs give times, converted with as_timestamp(); also "us" and "ns".
# Guess: 00:00:00.789, as on DuckDB; the unit says what the number is, not what the time is cut to.
# Observed: the SQL divides by 1000 and takes FLOOR before it converts, and for "us" and "ns" it subtracts the rest of the second. So all
# events of a second have one time. No error and no warning. FROM_UNIXTIME takes fractions, so nothing of Trino asks for it.
# Why it matters: order within a second is lost, so "the latest row of a key" is any of them, durations below a second are zero, and
# times from here equal no time that another tool converted.
#
#> ms: DuckDB 2025-11-29 00:00:00.789000, Athena timestamp(3) 2025-11-29 00:00:00.000
#> ms, difference of 210 ms: DuckDB 210, Athena bigint 0
#> us: DuckDB not supported, Athena timestamp(3) 2025-11-29 00:00:00.000
#> ns: DuckDB not supported, Athena timestamp(3) 2025-11-29 00:00:00.000
. "$(dirname "$0")/common.sh"
install "ibis-framework[duckdb]==12.0.0" duckdb==1.4.4 sqlglot==28.6.0
cat >times.py <<'PYTHON'
import ibis
from ibis.common.exceptions import UnsupportedOperationError

MILLISECONDS = 1764374400789
start = ibis.literal(MILLISECONDS).as_timestamp("ms")
EXPRESSIONS = {
    "ms": start,
    "ms, difference of 210 ms": ibis.literal(MILLISECONDS + 210).as_timestamp("ms").delta(start, unit="millisecond"),
    "us": ibis.literal(MILLISECONDS * 10**3).as_timestamp("us"),
    "ns": ibis.literal(MILLISECONDS * 10**6).as_timestamp("ns"),
}
duckdb = ibis.duckdb.connect()
with open("queries", "w") as queries, open("local", "w") as local:
    for text, expression in EXPRESSIONS.items():
        queries.write(f"{ibis.to_sql(expression, dialect='athena', pretty=False)}\n")
        try:
            value = duckdb.to_pyarrow(expression).as_py()
        except UnsupportedOperationError:
            value = "not supported"
        local.write(f"{text}: DuckDB {value}, Athena\n")
PYTHON
quietly venv/bin/python -W ignore times.py
run_trino queries >remote
paste -d " " local remote >seen
compare
