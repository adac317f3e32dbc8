#!/usr/bin/env bash
# sqlglot writes Athena's slice(array, start, length) for DuckDB as a slice that ends at position `length`.
#
# Tool: sqlglot 30.30.0 (PyPI), from athena and trino to duckdb; duckdb 2.0.1 runs the query.
# Input: slice() of an array of four. The third argument of Trino's slice, which Athena's engine has, is a length (Trino, "Array
# functions and operators"); that of DuckDB's is the position of the last element.
# Guess: the end is computed, start + length - 1, or a warning says that the call can't be written, as it does for other functions.
# Observed: the three arguments are kept as they are, under the name array_slice. Only a slice from position 1 is right. Two elements
# from position 2 are one element, from 3 none, and the last two are none. No warning at any level.
# Why it matters: unit tests of Athena models run on DuckDB by this translation. "The last three states" are empty there, the test
# expects what it has seen, and nothing tells that Athena would return others.
#
#> slice(a, 1, 2): Athena [1, 2], DuckDB [1, 2] by ARRAY_SLICE([1, 2, 3, 4], 1, 2)
#> slice(a, 2, 2): Athena [2, 3], DuckDB [2] by ARRAY_SLICE([1, 2, 3, 4], 2, 2)
#> slice(a, 3, 2): Athena [3, 4], DuckDB [] by ARRAY_SLICE([1, 2, 3, 4], 3, 2)
#> slice(a, -2, 2): Athena [3, 4], DuckDB [] by ARRAY_SLICE([1, 2, 3, 4], -2, 2)
#> the same from dialect trino: True
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0 duckdb==2.0.1
venv/bin/python - >seen <<'PYTHON'
import duckdb
import sqlglot
from sqlglot import ErrorLevel

EXPECTED = {"1, 2": [1, 2], "2, 2": [2, 3], "3, 2": [3, 4], "-2, 2": [3, 4]}


def written(arguments, dialect):
    query = f"select slice(array[1, 2, 3, 4], {arguments})"
    return sqlglot.transpile(query, read=dialect, write="duckdb", unsupported_level=ErrorLevel.RAISE)[0]


for arguments, expected in EXPECTED.items():
    query = written(arguments, "athena")
    (found,) = duckdb.execute(query).fetchone()
    print(f"slice(a, {arguments}): Athena {expected}, DuckDB {found} by {query.removeprefix('SELECT ')}")
print("the same from dialect trino:", all(written(each, "athena") == written(each, "trino") for each in EXPECTED))
PYTHON
compare
