#!/usr/bin/env bash
# OpenLineage's Python client filters and shortens run events only; job and dataset events pass with all that was to be kept out.
#
# Tool: openlineage-python 1.54.0 (PyPI), settings `filters` and `dataset.reducing_enabled`.
# Input: a filter that excludes the job payroll by its name, and names of partitions to be reduced; for each of two jobs
# the JobEvent of its design and the RunEvent of a run, and a DatasetEvent.
# Guess: a filter by the name of a job excludes each event of the job, and one dataset has one name in all events of a client.
# Observed: the RunEvent of payroll is excluded, its JobEvent is sent. The RunEvent of orders has the output /orders, the JobEvent and
# the DatasetEvent have /orders/day=2026-01-01. The tags of the settings are in both. No warning.
# Why it matters: a job that must not be seen is seen with its name, SQL and datasets. And the design and the runs of a job are two
# branches of the graph, as no output of one is an output of the other.
#
#> payroll: JobEvent, output /payroll/day=2026-01-01, tags team
#> orders: RunEvent, output /orders, tags team
#> orders: JobEvent, output /orders/day=2026-01-01, tags team
#> DatasetEvent: /orders/day=2026-01-01
. "$(dirname "$0")/common.sh"
install openlineage-python==1.54.0
env -i HOME="$work" PATH="$PATH" venv/bin/python - >seen <<'PYTHON'
import json

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import DatasetEvent, Job, JobEvent, OutputDataset, Run, RunEvent, RunState, StaticDataset

CONFIG = {
    "transport": {"type": "file", "log_file_path": "events.jsonl", "append": True},
    "filters": [{"type": "exact", "match": "payroll"}],
    "dataset": {"reducing_enabled": True},
    "tags": {"job": {"team": "finance"}},
}
COMMON = {"eventTime": "2026-01-01T00:00:00Z", "producer": "https://example.com/p"}
client = OpenLineageClient(config=CONFIG)
for name in ("payroll", "orders"):
    outputs = [OutputDataset("s3://lake", f"/{name}/day=2026-01-01")]
    run = Run("01941f29-7c00-7000-8000-000000000000")
    client.emit(RunEvent(eventType=RunState.COMPLETE, run=run, job=Job("shop", name), outputs=outputs, **COMMON))
    client.emit(JobEvent(job=Job("shop", name), outputs=outputs, **COMMON))
client.emit(DatasetEvent(dataset=StaticDataset("s3://lake", "/orders/day=2026-01-01"), **COMMON))

with open("events.jsonl") as lines:
    events = [json.loads(line) for line in lines]
for event in events:
    if "job" not in event:
        print("DatasetEvent:", event["dataset"]["name"])
        continue
    job, (output,) = event["job"], event["outputs"]
    tags = ", ".join(tag["key"] for tag in job["facets"]["tags"]["tags"])
    kind = "RunEvent" if "run" in event else "JobEvent"
    print(f"{job['name']}: {kind}, output {output['name']}, tags {tags}")
PYTHON
compare
