#!/usr/bin/env bash
# OpenLineage's Python client turns some strings of the environment into numbers.
#
# Tool: openlineage-python 1.54.0 (PyPI), settings in OPENLINEAGE__ variables.
# Input: tags in the environment, whose values are a release, the start of a commit hash, a build number and a word.
# Guess: a tag's value is a string, as the spec says of the tags facet, and stays as it was written.
# Observed: each value is read as JSON first. What happens to be JSON is sent as a number or a boolean: 1.10 becomes
# 1.1, and a commit of digits and one e becomes a power of ten. Settings such as an API key are read in the same way.
# Why it matters: the tag breaks the spec's schema, and the release is another one. A commit hash works for
# weeks, until one has the wrong letters. Quotes inside of the value ('"1.10"') keep it a string.
#
#> RELEASE=1.10     is sent as 1.1
#> COMMIT=12345e6   is sent as 12345000000.0
#> BUILD=007        is sent as "007"
#> NIGHTLY=true     is sent as true
#> QUOTED="1.10"    is sent as "1.10"
. "$(dirname "$0")/common.sh"
install openlineage-python==1.54.0
env -i HOME="$work" PATH="$PATH" venv/bin/python - >seen <<'PYTHON'
import json
import os

VALUES = {"RELEASE": "1.10", "COMMIT": "12345e6", "BUILD": "007", "NIGHTLY": "true", "QUOTED": '"1.10"'}
os.environ["OPENLINEAGE__TRANSPORT__TYPE"] = "file"
os.environ["OPENLINEAGE__TRANSPORT__LOG_FILE_PATH"] = "events.jsonl"
os.environ["OPENLINEAGE__TRANSPORT__APPEND"] = "true"
for name, value in VALUES.items():
    os.environ[f"OPENLINEAGE__TAGS__RUN__{name}"] = value

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

run = Run("01941f29-7c00-7000-8000-000000000000")
job = Job("shop", "orders")
event = RunEvent(
    eventType=RunState.START, eventTime="2026-01-01T00:00:00Z", run=run, job=job, producer="https://example.com/p"
)
OpenLineageClient().emit(event)
with open("events.jsonl") as lines:
    tags = json.loads(lines.readline())["run"]["facets"]["tags"]["tags"]
sent = {tag["key"]: tag["value"] for tag in tags}
for name, value in VALUES.items():
    print(f"{name + '=' + value:16} is sent as {json.dumps(sent[name.lower()])}")
PYTHON
compare
