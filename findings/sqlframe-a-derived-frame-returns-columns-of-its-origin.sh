#!/usr/bin/env bash
# In SQLFrame, the columns of a frame that is derived from another one are, after a join of both, those of the other one.
#
# Tool: sqlframe 4.10.0 with duckdb 2.0.1 (PyPI), the DataFrame API of PySpark on a DuckDB session.
# Input: prices per day, a frame derived from it with each day moved by one, and a left join of both for the price of the day before.
# Guess: previous["price"] is the price of the day before, or an error: PySpark 4.3.0 raises AnalysisException (column is ambiguous).
# Observed: previous["price"] is the price of the same day, in every row, also where the join found no row. The join itself is right,
# as the frame shows when nothing is selected. previous["day"], which the derived frame computed, is that of the first frame too, and a
# filter with previous["price"] compares the wrong column. No error and no warning, also with the key as text, on="day".
# Why it matters: comparing with the row before, and joining a total back to its rows, are what frames are derived for. Rename the columns
# of the derived frame first, or use aliases of both frames; then the result is right.
#
#> select: [(1, 1, 10, 10), (2, 2, 20, 20), (3, 3, 40, 40)]
#> filter previous > 15: [2, 3]
#> nothing selected: [(1, 10, None, None), (2, 20, 2, 10), (3, 40, 3, 20)]
#> renamed first: [(1, None, 10), (2, 10, 20), (3, 20, 40)]
. "$(dirname "$0")/common.sh"
install sqlframe==4.10.0 duckdb==2.0.1
cat >join.py <<'PYTHON'
from sqlframe.duckdb import DuckDBSession
from sqlframe.duckdb import functions as F

prices = DuckDBSession().createDataFrame([(1, 10), (2, 20), (3, 40)], ["day", "price"])
previous = prices.withColumn("day", F.col("day") + 1)
joined = prices.join(previous, prices["day"] == previous["day"], "left").orderBy(prices["day"])


def rows(frame):
    return [tuple(row) for row in frame.collect()]


both = joined.select(prices["day"], previous["day"], previous["price"].alias("previous"), prices["price"])
print(f"select: {rows(both)}")
print(f"filter previous > 15: {[row[0] for row in rows(joined.filter(previous['price'] > 15))]}")
print(f"nothing selected: {rows(joined)}")
renamed = previous.withColumnRenamed("price", "previous")
joined = prices.join(renamed, prices["day"] == renamed["day"], "left").orderBy(prices["day"])
print(f"renamed first: {rows(joined.select(prices['day'], renamed['previous'], prices['price']))}")
PYTHON
quietly venv/bin/python join.py >seen
compare
