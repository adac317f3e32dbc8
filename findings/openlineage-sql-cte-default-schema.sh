#!/usr/bin/env bash
# openlineage-sql forgets what a CTE reads as soon as it knows the default schema.
#
# Tool: openlineage-sql 1.54.0 (PyPI), the SQL parser of OpenLineage's integrations.
# Input: one INSERT whose WITH clause reads a table; parsed with and without `default_schema`.
# Guess: a default schema qualifies names: daily becomes public.daily, and nothing else changes.
# Observed: the input table is gone, also where the SQL itself names its schema. Column lineage still has it.
# Why it matters: Airflow's provider always gives the schema, so its events have outputs whose columns come from a table
# that is no input. A consumer that draws edges from inputs shows a table without a source.
#
#> daily         default_schema=None    inputs: daily         column day from: daily
#> daily         default_schema=public  inputs: none          column day from: public.daily
#> public.daily  default_schema=None    inputs: public.daily  column day from: public.daily
#> public.daily  default_schema=public  inputs: none          column day from: public.daily
. "$(dirname "$0")/common.sh"
install openlineage-sql==1.54.0
venv/bin/python - >seen <<'PYTHON'
from openlineage_sql import parse

for table in ("daily", "public.daily"):
    sql = f"INSERT INTO big WITH x AS (SELECT day, total FROM {table}) SELECT day, total FROM x"
    for schema in (None, "public"):
        meta = parse([sql], dialect="redshift", default_schema=schema)
        inputs = ", ".join(t.qualified_name for t in meta.in_tables) or "none"
        day = next(c for c in meta.column_lineage if c.descendant.name == "day")
        origin = day.lineage[0].origin.qualified_name
        print(f"{table:13} default_schema={schema!s:7} inputs: {inputs:13} column day from: {origin}")
PYTHON
compare
