#!/usr/bin/env bash
# SQLFrame's collect_list() and collect_set() keep nulls, which those of PySpark leave out.
#
# Tool: sqlframe 4.10.0 with duckdb 2.0.1 (PyPI), the DataFrame API of PySpark on a DuckDB session.
# Input: tags of three tables, one of them without any tag, another with one null beside a tag.
# Guess: as PySpark 4.3.0, which returns ['pii'], [] and ['gold']. SQLFrame's count, sum and countDistinct leave nulls out.
# Observed: the null is an element of the list and of the set, and a table without tags has a list of one element. So size() is one too
# large, and "has no tags" is false. No error and no warning.
# Why it matters: a left join makes one null per row without a match, so exactly these rows turn from "none" into "one". Filter nulls
# before the group, or take them out of the list.
#
#> customers: list [None], set [None], size 1
#> events: list ['gold'], set ['gold'], size 1
#> orders: list ['pii', None], set ['pii', None], size 2
. "$(dirname "$0")/common.sh"
install sqlframe==4.10.0 duckdb==2.0.1
cat >collect.py <<'PYTHON'
from sqlframe.duckdb import DuckDBSession
from sqlframe.duckdb import functions as F

tags = DuckDBSession().createDataFrame(
    [("orders", "pii"), ("orders", None), ("customers", None), ("events", "gold")], ["table", "tag"]
)
grouped = tags.groupBy("table").agg(
    F.collect_list("tag").alias("all"),
    F.collect_set("tag").alias("different"),
    F.size(F.collect_list("tag")).alias("size"),
)


def filled_first(values):
    return sorted(values, key=lambda value: value is None)


for table, all_tags, different, size in grouped.orderBy("table").collect():
    print(f"{table}: list {filled_first(all_tags)}, set {filled_first(different)}, size {size}")
PYTHON
quietly venv/bin/python collect.py >seen
compare
