#!/usr/bin/env bash
# DuckDB 2.0 takes `~` as a search, where 1.4 took it as a match of the whole text, so filters return more rows.
#
# Tool: duckdb 1.4.4 and duckdb 2.0.1 (PyPI).
# Input: three table names, filtered with `~` and `!~`.
# Guess: the meaning of an operator stays, or the new release warns. In 1.4 it is documented as regexp_full_match.
# Observed: `name ~ 'stg_[a-z]+'` finds tmp_stg_orders_old too in 2.0, and `!~` leaves it out. SIMILAR TO and regexp_full_match()
# match the whole text in both. The text of the query is the same, and no message is given. Redshift's `~` searches, as 2.0's. It is
# intended (duckdb#23432, setting regex_match_operator_semantics); what surprises is that nothing shows it.
# Why it matters: dbt-duckdb 1.11 runs with either, so the same model, test or unit test passes or fails by the release that pip
# finds; a filter that drops or keeps rows does so for others. Write ^ and $, or the function.
#
#> duckdb 1.4.4: name ~ 'stg_[a-z]+' -> stg_orders
#> duckdb 1.4.4: name !~ 'stg_[a-z]+' -> orders, tmp_stg_orders_old
#> duckdb 1.4.4: name similar to 'stg_[a-z]+' -> stg_orders
#> duckdb 1.4.4: name ~ '^stg_[a-z]+$' -> stg_orders
#> duckdb 2.0.1: name ~ 'stg_[a-z]+' -> stg_orders, tmp_stg_orders_old
#> duckdb 2.0.1: name !~ 'stg_[a-z]+' -> orders
#> duckdb 2.0.1: name similar to 'stg_[a-z]+' -> stg_orders
#> duckdb 2.0.1: name ~ '^stg_[a-z]+$' -> stg_orders
. "$(dirname "$0")/common.sh"
cat >filter.py <<'PYTHON'
import duckdb

names = "(values ('orders'), ('stg_orders'), ('tmp_stg_orders_old')) as t(name)"
for condition in (
    "name ~ 'stg_[a-z]+'",
    "name !~ 'stg_[a-z]+'",
    "name similar to 'stg_[a-z]+'",
    "name ~ '^stg_[a-z]+$'",
):
    rows = duckdb.execute(f"select name from {names} where {condition} order by name").fetchall()
    print(f"duckdb {duckdb.__version__}: {condition} -> {', '.join(row[0] for row in rows)}")
PYTHON
for version in 1.4.4 2.0.1; do
  install "duckdb==$version"
  venv/bin/python filter.py
done >seen
compare
