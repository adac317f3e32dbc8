#!/usr/bin/env bash
# dbt docs generate replaces run_results.json by one in which a model that has just failed is a success.
#
# Tool: dbt-core 1.12.6 with dbt-duckdb 1.11.1 (PyPI). dbt-core's parser of v2, which is not used here, is left out.
# Input: `dbt run` of a model that fails at run time and one below it, then `dbt docs generate`, the usual last step of a job.
# Guess: run_results.json stays that of the run, or gets no results of nodes, as generating documents runs none.
# Observed: its results are those of the compilation: "success" for the model that failed and for the one that was skipped, neither
# of which is in the database. Nothing in a result tells it from that of a run; only args.which does, and message is null.
# Why it matters: whatever reads target/ at night takes a failure for a success, and lineage of a table that was never made. Keep
# the file of the run before generating documents, or look at args.which.
#
#> run: orders success, broken error, below skipped
#> generate: orders success, broken success, below success
#> in the database: orders
. "$(dirname "$0")/common.sh"
install dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.4.4 metricflow==0.213.0 opentelemetry-api==1.45.2 python-dotenv==1.2.4
install --no-deps dbt-core==1.12.6
mkdir models
echo '{name: shop, version: "1.0", profile: shop, models: {+materialized: table}, flags: {send_anonymous_usage_stats: false}}' >dbt_project.yml
echo '{shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}}' >profiles.yml
echo "select 'no number' as id" >models/orders.sql
echo "select cast(id as int) as id from {{ ref('orders') }}" >models/broken.sql
echo "select * from {{ ref('broken') }}" >models/below.sql
cat >show.py <<'PYTHON'
import json

with open("target/run_results.json") as file:
    written = json.load(file)
status = {result["unique_id"].rpartition(".")[2]: result["status"] for result in written["results"]}
print(f"{written['args']['which']}: {', '.join(f'{name} {status[name]}' for name in ('orders', 'broken', 'below'))}")
PYTHON
{
  venv/bin/dbt -q run >log || [ $? = 1 ] # 1: a model failed, as it should
  venv/bin/python show.py
  quietly venv/bin/dbt -q docs generate >log
  venv/bin/python show.py
  venv/bin/python -c 'import duckdb; print("in the database:", *(row[0] for row in duckdb.connect("shop.duckdb").execute("show tables").fetchall()))'
} >seen
compare
