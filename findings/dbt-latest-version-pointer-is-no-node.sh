#!/usr/bin/env bash
# dbt's latest_version_pointer makes a view that none of dbt's files names.
#
# Tool: dbt-core 1.12.6 with dbt-duckdb 1.11.1 (PyPI). dbt-core's parser of v2, which is not used here, is left out.
# Input: a model of two versions with latest_version_pointer, then `dbt build` and `dbt docs generate`.
# Guess: a relation that dbt makes is in the manifest, as a node or as a second relation of its node, and in the catalog.
# Observed: the database has the view `report` beside report_v1 and report_v2. No relation_name in the manifest, no result and no
# entry of the catalog names it; a query that reads it can't be led back to a model by them.
# Why it matters: the pointer is there for people and dashboards, so the view is what they read. To lineage it is a table that
# nothing writes, and what is downstream of it has no upstream. Its name has to be worked out from config.latest_version_pointer.
#
#> in the database: report, report_v1, report_v2
#> relations in manifest.json: report_v1, report_v2
#> results in run_results.json: report.v1, report.v2
#> tables in catalog.json: report_v1, report_v2
. "$(dirname "$0")/common.sh"
install dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.4.4 metricflow==0.213.0 opentelemetry-api==1.45.2 python-dotenv==1.2.4
install --no-deps dbt-core==1.12.6
mkdir models
echo '{name: shop, version: "1.0", profile: shop, flags: {send_anonymous_usage_stats: false}}' >dbt_project.yml
echo '{shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}}' >profiles.yml
echo "select 1 as id" >models/report_v1.sql
echo "select 2 as id" >models/report_v2.sql
cat >models/schema.yml <<'YAML'
models:
  - name: report
    latest_version: 2
    config: {latest_version_pointer: {enabled: true}}
    versions: [{v: 1}, {v: 2}]
YAML
quietly venv/bin/dbt -q build >log
cp target/run_results.json results_of_build.json
quietly venv/bin/dbt -q docs generate >log
venv/bin/python - >seen <<'PYTHON'
import json
from pathlib import Path

import duckdb


def read(path):
    return json.loads(Path(path).read_text())


tables = [row[0] for row in duckdb.connect("shop.duckdb").execute("show tables").fetchall()]
relations = [node["relation_name"].split('"')[-2] for node in read("target/manifest.json")["nodes"].values()]
results = [result["unique_id"].removeprefix("model.shop.") for result in read("results_of_build.json")["results"]]
catalog = [node["metadata"]["name"] for node in read("target/catalog.json")["nodes"].values()]
print("in the database:", ", ".join(sorted(tables)))
print("relations in manifest.json:", ", ".join(sorted(relations)))
print("results in run_results.json:", ", ".join(sorted(results)))
print("tables in catalog.json:", ", ".join(sorted(catalog)))
PYTHON
compare
