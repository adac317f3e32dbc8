#!/usr/bin/env bash
# OpenLineage's Python client sends a Decimal as the text "<<non-serializable: Decimal>>".
#
# Tool: openlineage-python 1.54.0 with numpy 2.4.6 (PyPI), the facets for metrics and assertions of data quality.
# Input: metrics as a database and numpy return them: a sum of a numeric column is a Decimal, a count is an int64 or an int32.
# Guess: a number arrives as a number, as an int64 of numpy does, or emit() fails as json.dumps does for a Decimal.
# Observed: the Decimal, the int32, the float32 and the bool of numpy are replaced by a text that names their class, in a field that
# the spec says is a number. The event is sent, emit() returns, and nothing is logged.
# Why it matters: the value is lost where it was measured, and a backend that validates the event refuses all of it, with its lineage.
# Drivers return Decimal for most sums and averages, so a facet that was right with a double column breaks with a numeric one.
#
#> sum of a double: 12.5
#> sum of a numeric: "<<non-serializable: Decimal>>"
#> count, int64: 3
#> count, int32: "<<non-serializable: int32>>"
#> min, float64: 0.5
#> min, float32: "<<non-serializable: float32>>"
#> assertion, bool of numpy: "<<non-serializable: bool>>"
#> lines in the log: 0
. "$(dirname "$0")/common.sh"
install openlineage-python==1.54.0 numpy==2.4.6
env -i HOME="$work" PATH="$PATH" venv/bin/python - >seen <<'PYTHON'
import json
import logging
from decimal import Decimal

import numpy
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import data_quality_assertions_dataset, data_quality_metrics_input_dataset

logging.basicConfig(filename="log", level=logging.WARNING)
METRICS = {
    "sum of a double": ("sum", 12.5),
    "sum of a numeric": ("sum", Decimal("12.50")),
    "count, int64": ("count", numpy.int64(3)),
    "count, int32": ("count", numpy.int32(3)),
    "min, float64": ("min", numpy.float64(0.5)),
    "min, float32": ("min", numpy.float32(0.5)),
}
metrics = {
    name: data_quality_metrics_input_dataset.ColumnMetrics(**{metric: value}) for name, (metric, value) in METRICS.items()
}
facets = {
    "dataQualityMetrics": data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(columnMetrics=metrics),
    "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
        assertions=[data_quality_assertions_dataset.Assertion(assertion="not_null", success=numpy.bool_(True))]
    ),
}
event = RunEvent(
    eventType=RunState.COMPLETE,
    eventTime="2026-01-01T00:00:00Z",
    run=Run("01941f29-7c00-7000-8000-000000000000"),
    job=Job("shop", "check"),
    inputs=[InputDataset("shop", "orders", inputFacets=facets)],
    producer="https://example.com/p",
)
client = OpenLineageClient(config={"transport": {"type": "file", "log_file_path": "events.jsonl", "append": True}})
client.emit(event)

with open("events.jsonl") as lines:
    sent = json.loads(lines.readline())["inputs"][0]["inputFacets"]
for name, (metric, _) in METRICS.items():
    print(f"{name}: {json.dumps(sent['dataQualityMetrics']['columnMetrics'][name][metric])}")
print(f"assertion, bool of numpy: {json.dumps(sent['dataQualityAssertions']['assertions'][0]['success'])}")
with open("log") as lines:
    print("lines in the log:", len(lines.readlines()))
PYTHON
compare
