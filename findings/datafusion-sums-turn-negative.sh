#!/usr/bin/env bash
# In DataFusion and Polars a sum that is too large for a bigint turns negative, without an error.
#
# Tool: datafusion 55.0.0, polars 2.1.0, duckdb 2.0.1 (PyPI).
# Input: two bigints whose sum is 2**63, added by SUM, by +, and in a window.
# Guess: an error, as in Athena and PostgreSQL for +, or a wider type for SUM, as in Redshift and DuckDB; DataFusion raises one for a
# division by zero and for a cast that does not fit.
# Observed: DataFusion returns -9223372036854775808 for all three, and Polars' SQL for SUM and +. avg() of the same
# column is positive. Open upstream as apache/datafusion#17539.
# Why it matters: sums of hashes or of nanoseconds, as checks of a copied table use them, and totals of bytes are wrong, with no more
# to see than a sign; two engines that are to agree do not. Cast to decimal(38, 0) first.
#
#> sum(a): datafusion -9223372036854775808, polars -9223372036854775808, duckdb 9223372036854775808
#> max(a) + 1: datafusion -9223372036854775808, polars -9223372036854775808, duckdb error
#> avg(a) > 0: datafusion True, polars True, duckdb True
#> max(sum(a) over ()): datafusion -9223372036854775808, polars -9223372036854775808, duckdb 9223372036854775808
#> cast(3000000000 as int): datafusion error, polars error, duckdb error
. "$(dirname "$0")/common.sh"
install datafusion==55.0.0 polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1
cat >sum.py <<'PYTHON'
import datafusion
import duckdb
import polars
import pyarrow

rows = pyarrow.table({"a": [2**63 - 1, 1]})
context = datafusion.SessionContext()
context.from_arrow(rows, "t")
frames = polars.SQLContext(t=polars.from_arrow(rows), eager=True)
database = duckdb.connect()
database.register("t", rows)

ENGINES = {
    "datafusion": lambda query: context.sql(query).to_pydict()["x"][0],
    "polars": lambda query: frames.execute(query)["x"][0],
    "duckdb": lambda query: database.execute(query).fetchone()[0],
}


def value(engine, query):
    try:
        return engine(query)
    except Exception:
        return "error"


for text, query in (
    ("sum(a)", "select sum(a) as x from t"),
    ("max(a) + 1", "select max(a) + 1 as x from t"),
    ("avg(a) > 0", "select avg(a) > 0 as x from t"),
    ("max(sum(a) over ())", "select max(s) as x from (select sum(a) over () as s from t) as w"),
    ("cast(3000000000 as int)", "select cast(3000000000 as int) as x from t"),
):
    print(f"{text}: {', '.join(f'{name} {value(engine, query)}' for name, engine in ENGINES.items())}")
PYTHON
quietly venv/bin/python sum.py >seen
compare
