#!/usr/bin/env bash
# sqlglot's optimizer gives the rows without a match in a LEFT JOIN the values of a match.
#
# Tool: sqlglot 30.30.0 (PyPI), `sqlglot.optimizer.optimize` and its rule merge_subqueries alone; duckdb 2.0.1 runs both queries.
# Input: a LEFT JOIN of a subquery that computes a column: a constant as a flag, a coalesce, a case.
# Guess: the optimized query returns the same rows. A computed column is NULL where the join has no match.
# Observed: the subquery is merged into the join, and its expression moves to the outer SELECT, where it is computed for every row. The
# flag is 1 for all customers, and the coalesce is 0 where there is nothing. A column that is not computed is right. No error.
# Why it matters: `left join (select id, 1 as is_vip ...)` is how models mark rows. A query that is rewritten before it runs, or two
# models compared by their optimized text, lose the only difference that the join makes: who has no match.
#
#> constant: rows before [('ann', 1), ('bob', None)], after optimize [('ann', 1), ('bob', 1)]
#> coalesce: rows before [('ann', 5), ('bob', None)], after optimize [('ann', 5), ('bob', 0)]
#> case: rows before [('ann', 'much'), ('bob', None)], after optimize [('ann', 'much'), ('bob', 'little')]
#> plain column: rows before [('ann', 5), ('bob', None)], after optimize [('ann', 5), ('bob', None)]
#> merge_subqueries alone: SELECT c.name AS name, 1 AS x FROM c AS c LEFT JOIN v AS v ON c.name = v.name
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0 duckdb==2.0.1
venv/bin/python - >seen <<'PYTHON'
import duckdb
import sqlglot
from sqlglot.optimizer import optimize
from sqlglot.optimizer.merge_subqueries import merge_subqueries
from sqlglot.optimizer.qualify import qualify

SCHEMA = {"c": {"name": "text"}, "v": {"name": "text", "amount": "int"}}
COLUMNS = {
    "constant": "1",
    "coalesce": "coalesce(amount, 0)",
    "case": "case when amount > 1 then 'much' else 'little' end",
    "plain column": "amount",
}
database = duckdb.connect()
database.execute("create table c (name text); insert into c values ('ann'), ('bob')")
database.execute("create table v (name text, amount int); insert into v values ('ann', 5)")


def joined(column):
    return f"select c.name, f.x from c left join (select name, {column} as x from v) as f on c.name = f.name"


def rows(query):
    return sorted(database.execute(query).fetchall())


for name, column in COLUMNS.items():
    query = joined(column)
    optimized = optimize(query, schema=SCHEMA, dialect="duckdb").sql("duckdb")
    print(f"{name}: rows before {rows(query)}, after optimize {rows(optimized)}")
tree = qualify(sqlglot.parse_one(joined("1"), dialect="duckdb"), schema=SCHEMA, dialect="duckdb", quote_identifiers=False)
print("merge_subqueries alone:", merge_subqueries(tree).sql("duckdb"))
PYTHON
compare
