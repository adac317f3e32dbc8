#!/usr/bin/env bash
# In PyIceberg's SQL catalog two live tables have one location after a rename.
#
# Tool: pyiceberg 0.12.0 with its SQL catalog on SQLite, pyarrow 26.0.1 (PyPI).
# Input: orders is renamed to orders_old, and a new orders is created: the usual swap of a table and its replacement.
# Guess: each table of a catalog has a location of its own, so the new one gets another folder, or create_table refuses.
# Observed: rename keeps the location, and create_table makes a location from the name alone. Both tables are at sales/orders,
# with their files side by side.
# Why it matters: a location is no identity of a table. Lineage that joins datasets by their path, such as by a symlink to
# s3://bucket/sales/orders, makes one vertex of the new table and its archive; and who cleans up files that one table does not
# know removes those of the other.
#
#> sales.orders_old at sales/orders, rows [1]
#> sales.orders at sales/orders, rows [2]
. "$(dirname "$0")/common.sh"
install "pyiceberg[sql-sqlite]==0.12.0" pyarrow==26.0.1
cat >swap.py <<'PYTHON'
import os

import pyarrow
from pyiceberg.catalog.sql import SqlCatalog

catalog = SqlCatalog("lake", uri="sqlite:///catalog.db", warehouse=f"file://{os.getcwd()}/warehouse")
catalog.create_namespace("sales")


def create(number):
    rows = pyarrow.table({"id": [number]})
    catalog.create_table("sales.orders", rows.schema).append(rows)


create(1)
catalog.rename_table("sales.orders", "sales.orders_old")
create(2)
for name in ("sales.orders_old", "sales.orders"):
    table = catalog.load_table(name)
    place = table.location().partition("/warehouse/")[2]
    print(f"{name} at {place}, rows {table.scan().to_arrow()['id'].to_pylist()}")
PYTHON
quietly venv/bin/python -W ignore swap.py >seen
compare
