#!/usr/bin/env bash
# openlineage-sql loses a table that is read, or even the one that is written, when a CTE has the table's last name.
#
# Tool: openlineage-sql 1.54.0 (PyPI), dialect redshift; athena gives the same.
# Input: an INSERT whose CTE `orders` reads staging.orders. Naming a CTE as the table that it reads is dbt's usual style.
# Guess: staging.orders is read and shop.orders is written, as the CTE's name is no table's and the other names have a schema.
# Observed: a table is taken for the CTE if the last part of its name is the same. staging.orders is no input, though the column
# lineage of the same answer names it, and an unqualified target is no output. A CTE of another name changes nothing.
# Why it matters: SQL operators of Airflow make events from this parser. Such a statement is a job without inputs, so nothing is
# upstream of what it writes. Where columns are listed, column lineage still has the source; where the CTE is `select *`, nothing has.
#
#> CTE raw, into shop.orders: in staging.orders, out shop.orders, columns from staging.orders
#> CTE orders, into shop.orders: in nothing, out shop.orders, columns from staging.orders
#> CTE orders, into orders: in nothing, out nothing, columns from staging.orders
#> CTE orders with select *, into shop.orders: in nothing, out shop.orders, columns from nothing
. "$(dirname "$0")/common.sh"
install openlineage-sql==1.54.0
venv/bin/python - >seen <<'PYTHON'
from openlineage_sql import parse


def listed(names):
    return ", ".join(sorted(set(names))) or "nothing"


def show(label, target, cte, columns="id"):
    sql = f"insert into {target} with {cte} as (select {columns} from staging.orders) select {columns} from {cte}"
    found = parse([sql], dialect="redshift")
    assert not found.errors
    origins = (origin.origin.qualified_name for column in found.column_lineage for origin in column.lineage)
    inputs, outputs = (listed(table.qualified_name for table in side) for side in (found.in_tables, found.out_tables))
    print(f"{label}, into {target}: in {inputs}, out {outputs}, columns from {listed(origins)}")


show("CTE raw", "shop.orders", "raw")
show("CTE orders", "shop.orders", "orders")
show("CTE orders", "orders", "orders")
show("CTE orders with select *", "shop.orders", "orders", "*")
PYTHON
compare
