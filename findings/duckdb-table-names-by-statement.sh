#!/usr/bin/env bash
# DuckDB's get_table_names raises an error for valid INSERT, UPDATE, DELETE and MERGE, and finds nothing in CREATE VIEW.
#
# Tool: duckdb 2.0.1 (PyPI), DuckDBPyConnection.get_table_names(sql, qualified=True).
# Input: statements that run, on two tables and a view.
# Guess: the function that extracts the table names of a query answers for any statement that the connection runs, and a name
# means the same in each: a table that the statement reads or writes.
# Observed: COPY gives what it reads; CREATE TABLE AS gives what it reads and what it writes; a query on a view gives the table
# below it and not the view; CREATE VIEW gives an empty set. INSERT of `select *` raises a BinderException, as the star counts as
# one column; UPDATE, DELETE and MERGE raise one that says they want a base table, though they have one.
# Why it matters: lineage tools take this for a parser. An empty set looks like "reads nothing", and most statements that
# change a table in place are never seen.
#
#> SELECT: s.orders
#> SELECT from the view: s.orders
#> INSERT of two columns: s.orders
#> INSERT of a star: BinderException: Binder Error: table "daily" has 2 columns but 1 values were supplied
#> COPY: s.orders
#> CREATE TABLE AS: copied, s.orders
#> CREATE VIEW: nothing
#> UPDATE: BinderException: Binder Error: Can only update base table
#> DELETE: BinderException: Binder Error: Can only delete from base table
#> MERGE: BinderException: Binder Error: Can only merge into base tables!
. "$(dirname "$0")/common.sh"
install duckdb==2.0.1
venv/bin/python - >seen <<'PYTHON'
import duckdb

connection = duckdb.connect()
connection.execute("create schema s")
connection.execute("create table s.orders (id int, total int)")
connection.execute("create table daily (id int, total int)")
connection.execute("create view recent as select * from s.orders")
for label, sql in {
    "SELECT": "select * from s.orders",
    "SELECT from the view": "select * from recent",
    "INSERT of two columns": "insert into daily select id, total from s.orders",
    "INSERT of a star": "insert into daily select * from s.orders",
    "COPY": "copy (select * from s.orders) to 'orders.csv'",
    "CREATE TABLE AS": "create table copied as select * from s.orders",
    "CREATE VIEW": "create view all_orders as select * from s.orders",
    "UPDATE": "update daily set total = o.total from s.orders o where o.id = daily.id",
    "DELETE": "delete from daily where id in (select id from s.orders)",
    "MERGE": "merge into daily using s.orders o on o.id = daily.id when matched then delete",
}.items():
    try:
        answer = ", ".join(sorted(connection.get_table_names(sql, qualified=True))) or "nothing"
    except duckdb.Error as error:
        answer = f"{type(error).__name__}: {error}"
    print(f"{label}: {answer}")
    connection.execute(sql)  # Valid: it runs.
PYTHON
compare
