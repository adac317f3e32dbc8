#!/usr/bin/env bash
# dbt-core's last event of a skipped ephemeral model says that the model has started.
#
# Tool: dbt-core 1.12.6 with dbt-duckdb 1.11.1 (PyPI). dbt-core's parser of v2, which is not used here, is left out.
# Input: a model that fails, a view and an ephemeral model below it, and a view below the ephemeral one.
# Guess: NodeFinished of each node has node_info.node_status equal to the status of its result: "skipped" for the last three.
# Observed: both agree for views. For the ephemeral model node_status is "started" and the result says "skipped", and
# run_results.json has no entry for it.
# Why it matters: who makes OpenLineage events from dbt's log or callbacks by node_status has a run that never ends, or
# reports it as failed. The status in the event's run_result is the one to use.
#
#> broken     view       node_status error    result error    run_results error
#> direct     view       node_status skipped  result skipped  run_results skipped
#> ephemeral  ephemeral  node_status started  result skipped  run_results -
#> below      view       node_status skipped  result skipped  run_results skipped
. "$(dirname "$0")/common.sh"
install dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.4.4 metricflow==0.213.0 opentelemetry-api==1.45.2 python-dotenv==1.2.4
install --no-deps dbt-core==1.12.6
mkdir models
echo '{name: shop, version: "1.0", profile: shop, flags: {send_anonymous_usage_stats: false}}' >dbt_project.yml
echo '{shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}}' >profiles.yml
echo "select * from no_such_table" >models/broken.sql
echo "select * from {{ ref('broken') }}" >models/direct.sql
echo "{{ config(materialized='ephemeral') }} select * from {{ ref('broken') }}" >models/ephemeral.sql
echo "select * from {{ ref('ephemeral') }}" >models/below.sql
venv/bin/dbt --log-format json --log-level debug run --threads 1 >log.jsonl || [ $? = 1 ] # 1: a model failed, as it should
venv/bin/python - >seen <<'PYTHON'
import json

with open("target/run_results.json") as file:
    written = {result["unique_id"]: result["status"] for result in json.load(file)["results"]}
finished = {}
with open("log.jsonl") as lines:
    for line in lines:
        event = json.loads(line)
        if event["info"]["name"] == "NodeFinished":
            finished[event["data"]["node_info"]["node_name"]] = event["data"]
for name in ("broken", "direct", "ephemeral", "below"):
    info, result = finished[name]["node_info"], finished[name]["run_result"]
    print(
        f"{name:10} {info['materialized']:10} node_status {info['node_status']:8} result {result['status']:8}"
        f" run_results {written.get(info['unique_id'], '-')}"
    )
PYTHON
compare
