#!/usr/bin/env bash
# OpenLineage's Python client takes facets as dictionaries, except the run's tags.
#
# Tool: openlineage-python 1.54.0 (PyPI), OpenLineageClient.emit.
# Input: two RunEvents that are valid by the spec; one has the facet nominalTime, one has tags, each as a dictionary.
# Guess: both are sent, as serialization treats dictionaries and facet classes alike.
# Observed: the client adds a tag with its version to every run, and for that reads an attribute of the facet.
# For a dictionary that raises AttributeError, from emit itself, and the event is not sent. No setting avoids it.
# Why it matters: dbt models with tags or meta have that facet. A producer that builds its facets as JSON loses exactly
# the events of tagged models, and a test project without tags shows nothing.
#
#> nominalTime: sent
#> tags: AttributeError: 'dict' object has no attribute 'tags'
. "$(dirname "$0")/common.sh"
install openlineage-python==1.54.0
env -i HOME="$work" PATH="$PATH" venv/bin/python - >seen <<'PYTHON'
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.transport.noop import NoopConfig, NoopTransport

BASE = {"_producer": "https://example.com/p", "_schemaURL": "https://example.com/s"}
FACETS = {
    "nominalTime": {**BASE, "nominalStartTime": "2026-01-01T00:00:00Z"},
    "tags": {**BASE, "tags": [{"key": "layer", "value": "gold"}]},
}
client = OpenLineageClient(transport=NoopTransport(NoopConfig()))

for name, facet in FACETS.items():
    run = Run("01941f29-7c00-7000-8000-000000000000", {name: facet})
    job = Job("shop", "orders")
    event = RunEvent(
        eventType=RunState.START, eventTime="2026-01-01T00:00:00Z", run=run, job=job, producer="https://example.com/p"
    )
    try:
        client.emit(event)
    except AttributeError as error:
        print(f"{name}: AttributeError: {error}")
    else:
        print(f"{name}: sent")
PYTHON
compare
