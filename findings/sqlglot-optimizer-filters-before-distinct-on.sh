#!/usr/bin/env bash
# sqlglot's optimizer moves a condition on the latest row of each key to before the choice of that row.
#
# Tool: sqlglot 30.30.0 (PyPI), `sqlglot.optimizer.optimize`, dialects duckdb and postgres; duckdb 2.0.1 runs both queries.
# Input: DISTINCT ON in a subquery, which keeps the latest row of each order, and a condition on its status outside.
# Guess: the condition stays outside, as it does for the same query with row_number(), QUALIFY or GROUP BY.
# Observed: it goes into the WHERE of the subquery. The latest row is then chosen among the open ones: order 1, which was closed last,
# is returned as open. No error and no warning.
# Why it matters: a query that is rewritten before it runs returns orders in a state that they have left, and no row is
# missing that would make one look.
#
#> duckdb: distinct on: before [2], after optimize [1, 2], condition inside
#> duckdb: qualify: before [2], after optimize [2], condition outside
#> duckdb: row_number: before [2], after optimize [2], condition outside
#> postgres: distinct on: before [2], after optimize [1, 2], condition inside
#> postgres: row_number: before [2], after optimize [2], condition outside
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0 duckdb==2.0.1
venv/bin/python - >seen <<'PYTHON'
import duckdb
from sqlglot import exp
from sqlglot.optimizer import optimize

SCHEMA = {"states": {"id": "int", "status": "text", "day": "int"}}
NUMBER = "row_number() over (partition by id order by day desc)"
LATEST = {
    "distinct on": "select distinct on (id) id, status from states order by id, day desc",
    "qualify": f"select id, status from states qualify {NUMBER} = 1",
    "row_number": f"select id, status from (select id, status, {NUMBER} as n from states) as numbered where n = 1",
}
database = duckdb.connect()
database.execute("create table states (id int, status text, day int)")
database.execute("insert into states values (1, 'open', 1), (1, 'closed', 2), (2, 'open', 1)")


def orders(query):
    return sorted(order for (order,) in database.execute(query).fetchall())


for dialect in ("duckdb", "postgres"):
    for name, latest in LATEST.items():
        if (name, dialect) == ("qualify", "postgres"):
            continue  # PostgreSQL has no QUALIFY
        query = f"select id from ({latest}) as latest where status = 'open'"
        tree = optimize(query, schema=SCHEMA, dialect=dialect)
        status = next(literal for literal in tree.find_all(exp.Literal) if literal.name == "open")
        place = "outside" if status.find_ancestor(exp.Select) is tree else "inside"
        print(f"{dialect}: {name}: before {orders(query)}, after optimize {orders(tree.sql('duckdb'))}, condition {place}")
PYTHON
compare
