#!/usr/bin/env bash
# delta-rs cuts 3.7 to 3 when a float is appended to, or merged into, a column of integers.
#
# Tool: deltalake 1.6.6 (delta-rs), pyarrow 26.0.1 (PyPI).
# Input: a Delta table with an integer column, then an append and a merge of values of another type, with the default schema mode.
# Guess: another type is refused, as Delta's schema enforcement is described, or at least a cast that loses something, as pyarrow
# refuses it.
# Observed: 3.7 and the decimal 3.99 become 3, a decimal(10,2) takes 1.129 as 1.13, and a boolean takes 2 as true. 300 for an
# 8-bit integer, and a text that is no number, raise an error.
# Why it matters: a producer that changes a column from counts to amounts, or pandas, which makes floats of integers as soon as one
# is missing, changes the numbers of the table without a message; a column's sum is wrong, and the schema looks right.
#
#> append float 3.7 to long: 3
#> append decimal 3.99 to long: 3
#> append float 1.129 to decimal(10,2): 1.13
#> append integer 2 to boolean: True
#> append integer 300 to byte: error
#> append text abc to long: error
#> merge float 3.7 into long: 3
#> pyarrow casts float 3.7 to int64: error
. "$(dirname "$0")/common.sh"
install deltalake==1.6.6 pyarrow==26.0.1
cat >write.py <<'PYTHON'
from decimal import Decimal

import pyarrow
from deltalake import DeltaTable, write_deltalake

MONEY = pyarrow.decimal128(10, 2)


def table(value, kind):
    return pyarrow.table({"id": [1], "amount": pyarrow.array([value], kind)})


def amounts(path):
    return [row["amount"] for row in DeltaTable(path).to_pyarrow_table().to_pylist()]


for number, (text, first, kind, value, other) in enumerate(
    (
        ("float 3.7 to long", 1, pyarrow.int64(), 3.7, pyarrow.float64()),
        ("decimal 3.99 to long", 1, pyarrow.int64(), Decimal("3.99"), MONEY),
        ("float 1.129 to decimal(10,2)", Decimal("7.00"), MONEY, 1.129, pyarrow.float64()),
        ("integer 2 to boolean", False, pyarrow.bool_(), 2, pyarrow.int64()),
        ("integer 300 to byte", 1, pyarrow.int8(), 300, pyarrow.int64()),
        ("text abc to long", 1, pyarrow.int64(), "abc", pyarrow.string()),
    )
):
    path = f"table{number}"
    write_deltalake(path, table(first, kind))
    try:
        write_deltalake(path, table(value, other), mode="append")
        added = amounts(path)
        added.remove(first)
        print(f"append {text}: {added[0]}")
    except Exception:
        print(f"append {text}: error")

write_deltalake("merged", table(1, pyarrow.int64()))
merge = DeltaTable("merged").merge(table(3.7, pyarrow.float64()), "s.id = t.id", source_alias="s", target_alias="t")
merge.when_matched_update_all().execute()
print(f"merge float 3.7 into long: {amounts('merged')[0]}")
try:
    print("pyarrow casts float 3.7 to int64:", pyarrow.array([3.7]).cast(pyarrow.int64())[0])
except pyarrow.ArrowInvalid:
    print("pyarrow casts float 3.7 to int64: error")
PYTHON
quietly venv/bin/python -W ignore write.py >seen
compare
