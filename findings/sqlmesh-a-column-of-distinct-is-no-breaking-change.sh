#!/usr/bin/env bash
# SQLMesh takes a column that is added to SELECT DISTINCT for a harmless change, so models downstream keep what is no longer true.
#
# Tool: sqlmesh 0.236.4 with duckdb 1.5.6 (PyPI), default settings, `sqlmesh plan --auto-apply --no-prompts`.
# Input: a model of two columns in four forms, and one downstream that counts its rows. Then the model gets a third column.
# Guess: a new column is "non-breaking", as the page "Plans" says, since it does not affect models downstream. With DISTINCT, UNION or
# GROUP BY ALL it does, as it makes more rows, so the model downstream is computed again, or the plan asks.
# Observed: all four are "non-breaking", as only the list of columns grows. The plan builds the changed model and nothing else, and is a
# success: in production the count is that of the old rows beside a table that has more. It stays so until the next run of that model
# is due; past intervals of an incremental model are not computed again.
# Why it matters: DISTINCT, UNION and GROUP BY ALL are the usual ways to make dimensions and totals. Joins on the key fan out, and
# what was computed downstream contradicts what can be computed now. Pass --no-auto-categorization for such a change.
#
#> plain: 3 rows before, 3 after the change, downstream says 3
#> distinct: 2 rows before, 3 after the change, downstream says 2
#> union: 2 rows before, 3 after the change, downstream says 2
#> group_by_all: 2 rows before, 3 after the change, downstream says 2
. "$(dirname "$0")/common.sh"
install sqlmesh==0.236.4 duckdb==1.5.6
mkdir models
cat >config.yaml <<'YAML'
model_defaults: {dialect: duckdb}
gateways: {local: {connection: {type: duckdb, database: db.duckdb}}}
disable_anonymized_analytics: true
YAML

# models COLUMNS: four models with these columns, and for each one that counts its rows.
models() {
  local events="(values (1, 'eu', 'web'), (1, 'eu', 'app'), (2, 'us', 'web')) as events(customer, area, device)" form
  echo "MODEL (name shop.uses_plain, kind FULL); SELECT $1 FROM $events" >models/uses_plain.sql
  echo "MODEL (name shop.uses_distinct, kind FULL); SELECT DISTINCT $1 FROM $events" >models/uses_distinct.sql
  echo "MODEL (name shop.uses_union, kind FULL); SELECT $1 FROM $events UNION SELECT $1 FROM $events" >models/uses_union.sql
  echo "MODEL (name shop.uses_group_by_all, kind FULL); SELECT $1, count(*) AS n FROM $events GROUP BY ALL" >models/uses_group_by_all.sql
  for form in plain distinct union group_by_all; do
    echo "MODEL (name shop.count_$form, kind FULL); SELECT count(*) AS n FROM shop.uses_$form" >"models/count_$form.sql"
  done
}

# plan: applies the models to production.
plan() {
  env -i HOME="$work" PATH="$PATH" venv/bin/sqlmesh plan --auto-apply --no-prompts >log 2>&1 || { cat log >&2; exit 1; }
}

cat >rows.py <<'PYTHON'
import sys

import duckdb

with duckdb.connect("db.duckdb", read_only=True) as database:
    for form in ("plain", "distinct", "union", "group_by_all"):
        (count,) = database.execute(f"select count(*) from shop.uses_{form}").fetchone()
        (told,) = database.execute(f"select n from shop.count_{form}").fetchone()
        print(f"{form} {count} {told}")
PYTHON
models "customer, area"
plan
venv/bin/python rows.py >before
models "customer, area, device"
plan
venv/bin/python rows.py >after
join before after | while read -r form before _ after told; do
  echo "$form: $before rows before, $after after the change, downstream says $told"
done >seen 2>order || { cat order >&2; exit 1; }
compare
