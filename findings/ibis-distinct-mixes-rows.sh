#!/usr/bin/env bash
# Ibis' distinct(on=..., keep="first") returns rows that are in no table: each column has the first value that is not null.
#
# Tool: ibis-framework 12.0.0 with duckdb 1.4.4, polars 2.1.0 and sqlglot 28.6.0 (PyPI), and pandas 3.1.1 beside it.
# Input: states of one order, "new" without a time of payment, "paid" with one, then "open" without; distinct() by the order's id.
# Guess: one of the rows; the documentation says "Drop duplicates except for the first occurrence" and "Similar to
# pandas.DataFrame.drop_duplicates()".
# Observed: a row that is none of them: state "new" with a time of payment by keep="first", and "open" with one by keep="last", on each
# backend, as columns are filled one by one. Only nulls show it, so tests without nulls pass. Open as ibis#10567 since 2024.
# Why it matters: the latest row of each key of a change stream is read like this, and null is how a column says that something has not
# happened. Use row_number() and a filter, which keep whole rows.
#
#> duckdb, first: state new, paid_at 2026-11-29, refunded_at None
#> duckdb, last: state paid, paid_at 2026-11-29, refunded_at None
#> duckdb, last of three: state open, paid_at 2026-11-29, refunded_at None
#> polars, first: state new, paid_at 2026-11-29, refunded_at None
#> polars, last: state paid, paid_at 2026-11-29, refunded_at None
#> polars, last of three: state open, paid_at 2026-11-29, refunded_at None
#> pandas, first: state new, paid_at None, refunded_at None
#> pandas, last: state paid, paid_at 2026-11-29, refunded_at None
#> pandas, last of three: state open, paid_at None, refunded_at None
. "$(dirname "$0")/common.sh"
install "ibis-framework[duckdb,polars]==12.0.0" duckdb==1.4.4 polars==2.1.0 sqlglot==28.6.0 pandas==3.1.1
cat >distinct.py <<'PYTHON'
import ibis
import pandas

NEW = {"id": 1, "state": "new", "paid_at": None, "refunded_at": None}
PAID = {"id": 1, "state": "paid", "paid_at": "2026-11-29", "refunded_at": None}
OPEN = {"id": 1, "state": "open", "paid_at": None, "refunded_at": None}
CASES = {"first": ([NEW, PAID], "first"), "last": ([NEW, PAID], "last"), "last of three": ([NEW, PAID, OPEN], "last")}


def show(tool, case, row):
    values = ", ".join(f"{name} {None if pandas.isna(row[name]) else row[name]}" for name in list(NEW)[1:])
    print(f"{tool}, {case}: {values}")


for backend in (ibis.duckdb.connect(), ibis.polars.connect()):
    for case, (rows, keep) in CASES.items():
        table = ibis.memtable(rows, schema={"id": "int64", "state": "string", "paid_at": "string", "refunded_at": "string"})
        (row,) = backend.to_pyarrow(table.distinct(on="id", keep=keep)).to_pylist()
        show(backend.name, case, row)
for case, (rows, keep) in CASES.items():
    (row,) = pandas.DataFrame(rows).drop_duplicates("id", keep=keep).to_dict("records")
    show("pandas", case, row)
PYTHON
quietly venv/bin/python -W ignore distinct.py >seen
compare
