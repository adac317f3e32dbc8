#!/usr/bin/env bash
# openlineage-sql names the columns of an INSERT by the query, not by the INSERT's own list of columns.
#
# Tool: openlineage-sql 1.54.0 (PyPI), dialect redshift; athena gives the same.
# Input: INSERT INTO t (columns) SELECT ..., and a UNION whose branches call a column differently.
# Guess: SQL fills columns by place. So `insert into t (total) select amount` writes t.total, and a union has the names of its
# first branch.
# Observed: the output's columns are called as in the query: t.amount, which t does not have, or _1 for an aggregate without a
# name. The second branch of a union adds a column of its own.
# Why it matters: column lineage of the table's real columns is missing, and columns that the table never had are shown. Who
# takes this lineage should drop a column that is not in the output's schema, where that is known.
#
#> insert into t (total) select amount from s: amount <- s.amount
#> insert into t (total) select sum(amount) from s: _0 <- s.amount
#> insert into t (total) select amount as total from s: total <- s.amount
#> create table t as select amount from s union all select price from r: amount <- s.amount; price <- r.price
. "$(dirname "$0")/common.sh"
install openlineage-sql==1.54.0
venv/bin/python - >seen <<'PYTHON'
from openlineage_sql import parse

for sql in (
    "insert into t (total) select amount from s",
    "insert into t (total) select sum(amount) from s",
    "insert into t (total) select amount as total from s",
    "create table t as select amount from s union all select price from r",
):
    found = parse([sql], dialect="redshift")
    assert not found.errors
    columns = sorted(
        f"{column.descendant.name} <- {origin.origin.qualified_name}.{origin.name}"
        for column in found.column_lineage
        for origin in column.lineage
    )
    print(f"{sql}: {'; '.join(columns)}")
PYTHON
compare
