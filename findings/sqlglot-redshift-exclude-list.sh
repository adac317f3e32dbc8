#!/usr/bin/env bash
# sqlglot gives back the column that Redshift's EXCLUDE takes away.
#
# Tool: sqlglot 30.30.0 (PyPI), dialect redshift.
# Input: `SELECT * EXCLUDE email, name FROM t`. Redshift allows the list without parentheses (AWS, "EXCLUDE column_list").
# Guess: both columns are excluded, as with parentheses, or an error.
# Observed: email alone is excluded, and name becomes a select item of its own. With the columns of the table known,
# sqlglot's optimizer returns id and name, so the column to be kept out is there.
# Why it matters: EXCLUDE is how a model keeps personal data out. Column lineage then says that the column flows on.
#
#> without parentheses: SELECT * EXCLUDE (email), name FROM t -> columns id, name, name
#> with parentheses:    SELECT * EXCLUDE (email, name) FROM t -> columns id
. "$(dirname "$0")/common.sh"
install sqlglot==30.30.0
venv/bin/python - >seen <<'PYTHON'
import sqlglot
from sqlglot.optimizer.qualify import qualify

SCHEMA = {"t": {"id": "int", "email": "text", "name": "text"}}

for label, sql in (
    ("without parentheses:", "select * exclude email, name from t"),
    ("with parentheses:", "select * exclude (email, name) from t"),
):
    tree = sqlglot.parse_one(sql, dialect="redshift")
    written = tree.sql("redshift")
    columns = qualify(tree, schema=SCHEMA, dialect="redshift").named_selects
    print(f"{label:20} {written} -> columns {', '.join(columns)}")
PYTHON
compare
