#!/usr/bin/env bash
# dlt's OpenLineage integration gives tables of two DuckDB files the same name.
#
# Tool: dlt-openlineage 0.1.1 with dlt 1.31.0 (PyPI).
# Input: two pipelines load the resource orders into the dataset raw, each into a DuckDB file of its own.
# Guess: the outputs differ by namespace, as the naming rules of OpenLineage put the database's place there.
# Observed: both are the same dataset. The namespace is made of the destination's class and its name; DuckDB's place
# is in neither of them.
# Why it matters: a consumer shows one table that two jobs write, and joins what is downstream of either. Two environments,
# or two customers, with a file each can't be told apart by their events.
#
#> load_one: dlt.destinations.duckdb://duckdb raw.orders
#> load_two: dlt.destinations.duckdb://duckdb raw.orders
. "$(dirname "$0")/common.sh"
install dlt-openlineage==0.1.1 "dlt[duckdb]==1.31.0" openlineage-python==1.54.0 duckdb==2.0.1
cat >load.py <<'PYTHON'
import json
import logging

import dlt
import dlt_openlineage

console = logging.getLogger("openlineage.client.transport.console")
console.setLevel(logging.INFO)
console.propagate = False
console.addHandler(logging.FileHandler("events.jsonl"))
dlt_openlineage.install(url="console://", namespace="shop")


@dlt.resource
def orders():
    yield {"id": 1}


for database in ("one", "two"):
    destination = dlt.destinations.duckdb(f"{database}.duckdb")
    dlt.pipeline(f"load_{database}", destination=destination, dataset_name="raw").run(orders)
with open("events.jsonl") as lines:
    for event in map(json.loads, lines):
        if event["eventType"] == "COMPLETE":
            output = event["outputs"][0]
            print(f"{event['job']['name']}: {output['namespace']} {output['name']}")
PYTHON
# dlt keeps the state of pipelines below its data folder; that of an earlier run would name a file which is gone.
env -i HOME="$work" DLT_DATA_DIR="$work/dlt" PATH="$PATH" RUNTIME__DLTHUB_TELEMETRY=false venv/bin/python load.py >seen 2>log || { cat log >&2; exit 1; }
compare
