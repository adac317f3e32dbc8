#!/usr/bin/env bash
# sqlglot's lineage of UNION BY NAME pairs columns by their place.
#
# Tool: sqlglot 30.30.0 (PyPI), dialects duckdb and snowflake, `sqlglot.lineage.lineage` with the schema of both tables.
# Input: `SELECT sku, qty FROM s UNION ALL BY NAME SELECT qty, sku FROM p`.
# Guess: sku comes from s.sku and p.sku, as the engines pair columns by name; the parser has seen BY NAME.
# Observed: sku comes from s.sku and p.qty, qty from s.qty and p.sku. There is no error and no warning, although the tree
# says `by_name`. DuckDB itself, asked with two rows, keeps each column with its name.
# Why it matters: lineage tools that rest on it draw edges between columns that have nothing to do with each other, in the
# one kind of union that people choose so that order does not matter.
#
#> duckdb: by_name=True  sku <- p.qty, s.sku   qty <- p.sku, s.qty
#> snowflake: by_name=True  sku <- P.QTY, S.SKU   qty <- P.SKU, S.QTY
#> duckdb 2.0.1 returns: [('a', 1), ('b', 2)]
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0 duckdb==2.0.1
venv/bin/python - >seen <<'PYTHON'
import duckdb
import sqlglot
from sqlglot.lineage import lineage

QUERY = "SELECT sku, qty FROM s UNION ALL BY NAME SELECT qty, sku FROM p"
SCHEMA = {"s": {"sku": "text", "qty": "int"}, "p": {"qty": "int", "sku": "text"}}


def origins(column, dialect):
    nodes = lineage(column, QUERY, schema=SCHEMA, dialect=dialect).walk()
    return ", ".join(sorted(node.name for node in nodes if "." in node.name))


for dialect in ("duckdb", "snowflake"):
    by_name = sqlglot.parse_one(QUERY, dialect=dialect).args["by_name"]
    found = "   ".join(f"{column} <- {origins(column, dialect)}" for column in ("sku", "qty"))
    print(f"{dialect}: by_name={by_name}  {found}")
database = duckdb.connect()
database.execute("CREATE TABLE s AS SELECT 'a' AS sku, 1 AS qty; CREATE TABLE p AS SELECT 2 AS qty, 'b' AS sku")
print(f"duckdb {duckdb.__version__} returns: {database.execute(QUERY + ' ORDER BY sku').fetchall()}")
PYTHON
compare
