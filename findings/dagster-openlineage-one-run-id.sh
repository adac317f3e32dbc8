#!/usr/bin/env bash
# Dagster's OpenLineage integration gives all assets of a run one run id, and starts all of them before the first one runs.
#
# Tool: dagster-openlineage 0.2.1 with dagster 1.13.29 (PyPI), its wrapper of the event log.
# Input: three assets in a row, materialized in one run; the second one raises an error.
# Guess: each asset is a job with a run id of its own and Dagster's run as parent, and START comes when the asset begins.
# Observed: the three jobs share Dagster's run id, and there is no parent facet. All STARTs come before the first COMPLETE,
# so the third job has a START and a FAIL though its asset was never executed.
# Why it matters: a consumer that finds a run by its id alone merges the outputs of all assets, and the last event decides
# about all of them. A run has to be known by its job and its id.
#
#> START    first   run 1   parent: no
#> START    second  run 1   parent: no
#> START    third   run 1   parent: no
#> COMPLETE first   run 1   parent: no
#> FAIL     second  run 1   parent: no
#> FAIL     third   run 1   parent: no
. "$(dirname "$0")/common.sh"
install dagster-openlineage==0.2.1 dagster==1.13.29 openlineage-python==1.54.0
mkdir home
cat >home/dagster.yaml <<YAML
telemetry: {enabled: false}
event_log_storage:
  module: dagster_openlineage.storage
  class: OpenLineageEventLogStorage
  config:
    namespace: shop
    wrapped:
      module: dagster._core.storage.event_log
      class: SqliteEventLogStorage
      config: {base_dir: $work/home}
YAML
cat >assets.py <<'PYTHON'
import json

import dagster


@dagster.asset
def first():
    return 1


@dagster.asset(deps=[first])
def second():
    raise ValueError("no data today")


@dagster.asset(deps=[second])
def third():
    return 3


with dagster.DagsterInstance.from_config("home") as instance:
    dagster.materialize([first, second, third], instance=instance, raise_on_error=False)
with open("events.jsonl") as lines:
    events = [json.loads(line) for line in lines]
# The order among the STARTs is another one each time, and so is that among the FAILs.
name = lambda event: event["job"]["name"]
events[:3] = sorted(events[:3], key=name)
events[4:] = sorted(events[4:], key=name)
ids = []
for event in events:
    run = event["run"]
    if run["runId"] not in ids:
        ids.append(run["runId"])
    parent = "yes" if "parent" in run["facets"] else "no"
    number = ids.index(run["runId"]) + 1
    print(f"{event['eventType']:8} {event['job']['name']:7} run {number}   parent: {parent}")
PYTHON
env -i HOME="$work" PATH="$PATH" OPENLINEAGE__TRANSPORT__TYPE=file OPENLINEAGE__TRANSPORT__APPEND=true \
  OPENLINEAGE__TRANSPORT__LOG_FILE_PATH="$work/events.jsonl" venv/bin/python assets.py >seen 2>log || { cat log >&2; exit 1; }
compare
