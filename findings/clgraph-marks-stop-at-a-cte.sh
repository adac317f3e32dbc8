#!/usr/bin/env bash
# In clgraph, a mark of personal data does not pass through a CTE or a subquery, though the lineage does.
#
# Tool: clgraph 0.0.8 with sqlglot 30.30.0 (PyPI), dialects redshift, athena and bigquery.
# Input: CREATE TABLE AS of a table with a column that is marked as pii, in four forms; then propagate_all_metadata().
# Guess: the column of the new table is marked in each form; the README says that "PII flags, ownership, and descriptions flow through
# lineage", and trace_column_backward() finds the marked column in each form.
# Observed: only a plain SELECT passes the mark on. Columns of a CTE and of a subquery get none, and the table's column, which reads
# them, is pii False; the owner is lost likewise. Nothing is said of it, and the list of issues is empty.
# Why it matters: models of dbt are CTEs from top to bottom, so a search for personal data finds the first layer and nothing behind it,
# and False looks like an answer. Ask trace_column_backward() for origins instead.
#
#> plain: from shop.users.email, pii True, owner crm, issues 0
#> CTE: from shop.users.email, pii False, owner None, issues 0
#> subquery: from shop.users.email, pii False, owner None, issues 0
#> union in a CTE: from shop.users.email, pii False, owner None, issues 0
. "$(dirname "$0")/common.sh"
install clgraph==0.0.8 sqlglot==30.30.0
cat >marks.py <<'PYTHON'
from clgraph import Pipeline

SELECT = "select email from shop.users"
QUERIES = {
    "plain": SELECT,
    "CTE": f"with people as ({SELECT}) select email from people",
    "subquery": f"select people.email from ({SELECT}) as people",
    "union in a CTE": f"with people as ({SELECT} union all {SELECT}) select email from people",
}


def read(query, dialect):
    pipeline = Pipeline([("load", f"create table shop.people as {query}")], dialect=dialect)
    for column in pipeline.columns.values():
        if column.full_name == "shop.users.email":
            column.pii, column.owner = True, "crm"
    pipeline.propagate_all_metadata(verbose=False)
    (result,) = (column for column in pipeline.columns.values() if column.full_name == "shop.people.email")
    origins = {column.full_name for column in pipeline.trace_column_backward("shop.people", "email")}
    issues = sum(len(graph.issues) for graph in pipeline.query_graphs.values())
    return f"from {', '.join(origins)}, pii {result.pii}, owner {result.owner}, issues {issues}"


for name, query in QUERIES.items():
    (result,) = {read(query, dialect) for dialect in ("redshift", "athena", "bigquery")}
    print(f"{name}: {result}")
PYTHON
quietly venv/bin/python marks.py >seen
compare
