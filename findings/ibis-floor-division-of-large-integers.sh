#!/usr/bin/env bash
# In Ibis, `n // 2` of an integer goes through a float on SQL backends, so large numbers change.
#
# Tool: ibis-framework 12.0.0 with duckdb 1.4.4, polars 2.1.0 and sqlglot 28.6.0 (PyPI).
# Input: integers of 64 bits, divided with // by 1, 2 and 1000; then the SQL for Athena.
# Guess: the result of integers is an integer and exact, as in Python, and as with Ibis' % of the same number.
# Observed: on DuckDB the quotient is FLOOR of a float division, cast to BIGINT: above 2**53 it is off, and `n // 1 == n` is false. With
# the polars backend it is exact. The SQL for Athena and Trino casts to DOUBLE too. No error and no warning; the type is int64.
# Why it matters: // is for buckets and shards of ids, and for nanoseconds to milliseconds. Snowflake-like ids and hashes of 64 bits land
# in another bucket than where polars or Python put them, and `(n // k) * k + n % k` is not n.
#
#> duckdb: 4611686018427387905 // 1 = 4611686018427387904, // 2 = 2305843009213693952, // 1000 = 4611686018427388, % 1000 = 905
#> duckdb: 1764374400123456789 // 1 = 1764374400123456768, // 2 = 882187200061728384, // 1000 = 1764374400123456, % 1000 = 789
#> polars: 4611686018427387905 // 1 = 4611686018427387905, // 2 = 2305843009213693952, // 1000 = 4611686018427387, % 1000 = 905
#> polars: 1764374400123456789 // 1 = 1764374400123456789, // 2 = 882187200061728394, // 1000 = 1764374400123456, % 1000 = 789
#> athena: CAST(FLOOR(CAST(("t0"."n") AS DOUBLE) / (1000)) AS BIGINT)
. "$(dirname "$0")/common.sh"
install "ibis-framework[duckdb,polars]==12.0.0" duckdb==1.4.4 polars==2.1.0 sqlglot==28.6.0
cat >divide.py <<'PYTHON'
import ibis

ids = ibis.memtable({"n": [2**62 + 1, 1764374400123456789]})
results = ids.select(ids.n, one=ids.n // 1, two=ids.n // 2, thousand=ids.n // 1000, rest=ids.n % 1000)
assert results.schema()["thousand"].is_int64()
for backend in (ibis.duckdb.connect(), ibis.polars.connect()):
    for row in backend.to_pyarrow(results).to_pylist():
        quotients = f"// 1 = {row['one']}, // 2 = {row['two']}, // 1000 = {row['thousand']}, % 1000 = {row['rest']}"
        print(f"{backend.name}: {row['n']} {quotients}")
table = ibis.table({"n": "int64"}, name="ids")
sql = ibis.to_sql(table.select(bucket=table.n // 1000), dialect="athena", pretty=False)
print(f"athena: {sql.removeprefix('SELECT ').partition(' AS ' + chr(34) + 'bucket')[0]}")
PYTHON
quietly venv/bin/python -W ignore divide.py >seen
compare
