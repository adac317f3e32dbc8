#!/usr/bin/env bash
# PyAthena makes numbers of the texts in an array if all elements of that row look like numbers, else it keeps them.
#
# Tool: pyathena 4.2.1 (PyPI), its default converter, with values as Athena returns them.
# Input: rows of an array(varchar) column. Athena returns [1.9, 1.10], without quotes, and as the type only `array`.
# Guess: without a known type elements stay texts, so a column has one type in all rows; PyAthena's own code calls that its safe
# default for maps and for arrays that it splits itself.
# Observed: the value is tried as JSON first. Versions 1.9 and 1.10 become the floats 1.9 and 1.1 in one row, and stay texts in the
# next, where one element is 1.10.1. The short commit 7e10 alone becomes 70000000000.0. A name with a comma is two elements. With
# the type hint array(varchar) of PyAthena 4 (result_set_type_hints) numbers stay texts; the comma still splits.
# Why it matters: version 1.10 is gone after a copy, ids do not join, and the type changes from row to row. CAST(x AS JSON) in the
# query keeps types and commas.
#
#> [1.9, 1.10] -> [1.9, 1.1], with a type hint ['1.9', '1.10']
#> [1.9, 1.10.1] -> ['1.9', '1.10.1'], with a type hint ['1.9', '1.10.1']
#> [7e10] -> [70000000000.0], with a type hint ['7e10']
#> [7e10, abc1234] -> ['7e10', 'abc1234'], with a type hint ['7e10', 'abc1234']
#> [Doe, Ann] -> ['Doe', 'Ann'], with a type hint ['Doe', 'Ann']
. "$(dirname "$0")/common.sh"
install pyathena==4.2.1
venv/bin/python - >seen <<'PYTHON'
from pyathena.converter import DefaultTypeConverter

converter = DefaultTypeConverter()
for value in ("[1.9, 1.10]", "[1.9, 1.10.1]", "[7e10]", "[7e10, abc1234]", "[Doe, Ann]"):
    hinted = converter.convert("array", value, type_hint="array(varchar)")
    print(f"{value} -> {converter.convert('array', value)}, with a type hint {hinted}")
PYTHON
compare
