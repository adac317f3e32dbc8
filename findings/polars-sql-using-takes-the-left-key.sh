#!/usr/bin/env bash
# In Polars' SQL the column of USING is the left table's, also in a right or full join, where it is then null.
#
# Tool: polars 2.1.0 (PyPI), with duckdb 2.0.1 beside it.
# Input: orders and payments by day, joined with USING (day); both have a day that the other has not.
# Guess: USING makes one column of the two, with the value that there is, as the SQL standard says and DuckDB does.
# Observed: `day` is null for what is only on the right, and `*` has a second column day:p. A right join grouped by day has the
# amounts of all days without an order under null. NATURAL FULL JOIN joins the two columns as expected.
# Why it matters: a full join by key is how two extracts are compared. Rows of the right side lose their key without an error, and
# column lineage by the standard's rule is wrong for such a query.
#
#> polars: full join using (day): [(1, 10, None), (2, 20, 5), (None, None, 7)]
#> duckdb: full join using (day): [(1, 10, None), (2, 20, 5), (3, None, 7)]
#> polars: right join using (day): [(2, 20, 5), (None, None, 7)]
#> duckdb: right join using (day): [(2, 20, 5), (3, None, 7)]
#> polars: natural full join: [(1, 10, None), (2, 20, 5), (3, None, 7)]
#> duckdb: natural full join: [(1, 10, None), (2, 20, 5), (3, None, 7)]
#> columns of select *: polars day, ordered, day:p, paid; duckdb day, ordered, paid
. "$(dirname "$0")/common.sh"
install polars==2.1.0 duckdb==2.0.1
cat >join.py <<'PYTHON'
import duckdb
import polars

orders = {"day": [1, 2], "ordered": [10, 20]}
payments = {"day": [2, 3], "paid": [5, 7]}
frames = polars.SQLContext(o=polars.DataFrame(orders), p=polars.DataFrame(payments), eager=True)
database = duckdb.connect()
for name, rows in (("o", orders), ("p", payments)):
    (key, days), (value, numbers) = rows.items()
    database.execute(f"create table {name} ({key} int, {value} int)")
    database.executemany(f"insert into {name} values (?, ?)", list(zip(days, numbers)))


def ordered(rows):
    return sorted(rows, key=lambda row: tuple(99 if value is None else value for value in row))


for join, using in (("full join", " using (day)"), ("right join", " using (day)"), ("natural full join", "")):
    query = f"select day, ordered, paid from o {join} p{using}"
    print(f"polars: {join}{using}: {ordered(frames.execute(query).rows())}")
    print(f"duckdb: {join}{using}: {ordered(database.execute(query).fetchall())}")
star = "select * from o full join p using (day)"
names = ", ".join(column[0] for column in database.execute(star).description)
print(f"columns of select *: polars {', '.join(frames.execute(star).columns)}; duckdb {names}")
PYTHON
quietly venv/bin/python join.py >seen
compare
