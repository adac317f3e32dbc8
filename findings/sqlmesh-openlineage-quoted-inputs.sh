#!/usr/bin/env bash
# SQLMesh's OpenLineage integration names one table in two ways, so no model is connected to the next.
#
# Tool: sqlmesh-openlineage 0.1.0 with sqlmesh 0.236.4 (PyPI).
# Input: two models of a DuckDB project, the second one reads the first; `sqlmesh plan` with the integration installed.
# Guess: the output of the first model and the input of the second one are one dataset, as that is what the names are for.
# Observed: outputs and column lineage have bare names, inputs and jobs have each part in double quotes.
# Why it matters: no consumer that compares names finds the edge between the two models; column lineage, if it is read
# at all, says something else than the inputs. Names of OpenLineage events have to be compared without quotes.
#
#> job "db"."shop"."orders": inputs -, outputs db.shop.orders, columns from -
#> job "db"."shop"."daily": inputs "db"."shop"."orders", outputs db.shop.daily, columns from db.shop.orders
. "$(dirname "$0")/common.sh"
install sqlmesh-openlineage==0.1.0 sqlmesh==0.236.4 openlineage-python==1.54.0 duckdb==1.5.6
mkdir models
echo "MODEL (name shop.orders, kind FULL); SELECT 1 AS id" >models/orders.sql
echo "MODEL (name shop.daily, kind FULL); SELECT id FROM shop.orders" >models/daily.sql
cat >config.py <<'PYTHON'
import logging

import sqlmesh_openlineage

console = logging.getLogger("openlineage.client.transport.console")
console.setLevel(logging.INFO)
console.propagate = False
console.addHandler(logging.FileHandler("events.jsonl"))
sqlmesh_openlineage.install(url="console://", namespace="shop")

from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, ModelDefaultsConfig

config = Config(
    model_defaults=ModelDefaultsConfig(dialect="duckdb"),
    gateways={"local": GatewayConfig(connection=DuckDBConnectionConfig(database="db.duckdb"))},
    disable_anonymized_analytics=True,
)
PYTHON
env -i HOME="$work" PATH="$PATH" venv/bin/sqlmesh plan --auto-apply --no-prompts >log 2>&1 || { cat log >&2; exit 1; }
venv/bin/python - >seen <<'PYTHON'
import json

with open("events.jsonl") as lines:
    starts = [event for event in map(json.loads, lines) if event["eventType"] == "START"]
for event in sorted(starts, key=lambda event: len(event["inputs"])):
    inputs = ", ".join(dataset["name"] for dataset in event["inputs"]) or "-"
    output = event["outputs"][0]
    fields = output["facets"].get("columnLineage", {}).get("fields", {})
    origins = ", ".join(origin["name"] for field in fields.values() for origin in field["inputFields"]) or "-"
    print(f"job {event['job']['name']}: inputs {inputs}, outputs {output['name']}, columns from {origins}")
PYTHON
compare
