#!/usr/bin/env bash
# dbt-ol sends no event of a whole dbt run if one batch of one microbatch model fails.
#
# Tool: openlineage-dbt 1.54.0 with dbt-core 1.11.16 and dbt-duckdb 1.11.1 (PyPI), dbt-ol in its plain mode.
# Input: a table that is built, and a microbatch model of three days, one of which raises an error in SQL.
# Guess: COMPLETE of the table, and FAIL of the microbatch model, or COMPLETE with two of three batches.
# Observed: dbt writes the status "partial success". dbt-ol knows success, skipped and error, raises ValueError, and ends
# before it has sent anything: neither the table nor the run itself has an event.
# Why it matters: a late partition is a usual fault of microbatch models, and dbt keeps the other batches. The lineage of
# all other models of the run is lost, and dbt-ol's exit code 1 is also dbt's own for such a run.
#
#> dbt: events success, daily partial success
#> dbt-ol: ValueError: Run status was partial success, should be in ['success', 'skipped', 'error']
#> events sent: 0
. "$(dirname "$0")/common.sh"
install openlineage-dbt==1.54.0 dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.4.4
mkdir models
echo '{name: shop, version: "1.0", profile: shop, flags: {send_anonymous_usage_stats: false}}' >dbt_project.yml
echo '{shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}}' >profiles.yml
cat >models/events.sql <<'SQL'
{{ config(materialized='table', event_time='day') }}
select cast(d as timestamp) as day, i from (values (date '2026-01-01', 1), (date '2026-01-02', 2), (date '2026-01-03', 3)) t(d, i)
SQL
cat >models/daily.sql <<'SQL'
{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='day', begin='2026-01-01', batch_size='day') }}
select day, case when i = 2 then error('late data') else i end as n from {{ ref('events') }}
SQL
touch events.jsonl
env -i HOME="$work" PATH="$work/venv/bin:$PATH" OPENLINEAGE__TRANSPORT__TYPE=file OPENLINEAGE__TRANSPORT__APPEND=true \
  OPENLINEAGE__TRANSPORT__LOG_FILE_PATH="$work/events.jsonl" \
  dbt-ol run --threads 1 --event-time-start 2026-01-01 --event-time-end 2026-01-04 >log 2>&1 || [ $? = 1 ]
venv/bin/python - >seen <<'PYTHON'
import json

with open("target/run_results.json") as file:
    results = json.load(file)["results"]
print("dbt:", ", ".join(f"{r['unique_id'].split('.')[-1]} {r['status']}" for r in results))
with open("log") as lines:
    print("dbt-ol:", next(line.strip() for line in lines if line.startswith("ValueError: ")))
with open("events.jsonl") as lines:
    print("events sent:", len(list(lines)))
PYTHON
compare
