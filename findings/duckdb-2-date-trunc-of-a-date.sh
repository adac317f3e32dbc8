#!/usr/bin/env bash
# DuckDB 2.0's date_trunc() of a date is a timestamp, so keys made of its text change.
#
# Tool: duckdb 1.4.4 and duckdb 2.0.1 (PyPI).
# Input: a month's key as models make it, md5 of the month as text, of a column of type date.
# Guess: a function keeps its type between releases, or a cast to text of the first of a month stays 2026-11-01.
# Observed: the type is DATE in 1.4 and TIMESTAMP in 2.0, the text has 00:00:00 behind it, and the key is another one. Python gets a
# datetime in place of a date. A comparison with a date still holds, so tests of values pass. It is intended (duckdb#20120, as in
# PostgreSQL), and no message is given.
# Why it matters: an incremental model with such a key adds all its rows again, a snapshot takes each row for changed, and columns
# of created tables change their type. Cast the result to date.
#
#> duckdb 1.4.4: DATE, 2026-11-01, key 090962, equal to the date: True, in Python date
#> duckdb 1.4.4, cast to date: DATE, 2026-11-01, key 090962, equal to the date: True, in Python date
#> duckdb 2.0.1: TIMESTAMP, 2026-11-01 00:00:00, key 037cff, equal to the date: True, in Python datetime
#> duckdb 2.0.1, cast to date: DATE, 2026-11-01, key 090962, equal to the date: True, in Python date
. "$(dirname "$0")/common.sh"
cat >trunc.py <<'PYTHON'
import duckdb

for text, month in (("", "date_trunc('month', day)"), (", cast to date", "date_trunc('month', day)::date")):
    query = f"""
        select typeof({month}), {month}::varchar, md5({month}::varchar)[:6], {month} = date '2026-11-01', {month}
        from (select date '2026-11-29' as day)
    """
    kind, written, key, equal, value = duckdb.execute(query).fetchone()
    python = type(value).__name__
    print(f"duckdb {duckdb.__version__}{text}: {kind}, {written}, key {key}, equal to the date: {equal}, in Python {python}")
PYTHON
for version in 1.4.4 2.0.1; do
  install "duckdb==$version"
  venv/bin/python trunc.py
done >seen
compare
