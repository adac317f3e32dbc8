#!/usr/bin/env bash
# OpenLineage's composite transport never falls back from Kafka or asynchronous HTTP, as both report no failure to it.
#
# Tool: openlineage-python 1.54.0 with confluent-kafka 2.16.1 (PyPI), transport composite with continue_on_success=False.
# Input: one event, a first transport whose server is not there, and a file as the second one.
# Guess: the documentation gives the fallback as the use of this setting, so the event is in the file when the first one fails.
# Observed: it is for http. For kafka, which waits for the delivery by default, and for async_http, it is not: the failure is a line in
# the log, emit() returns, and the composite transport counts a success. close() returns True. The event is nowhere.
# Why it matters: the fallback is there for the day on which the broker is down, and that is the day on which it is found missing. With
# Kafka first, send to both, or put http or the file first. No server is needed: the address on loopback refuses the connection.
#
#> http first: emit() returned, close() True, events in the fallback: 1
#> kafka first: emit() returned, close() True, events in the fallback: 0
#> async_http first: emit() returned, close() True, events in the fallback: 0
#> kafka alone: emit() returned, close() True
. "$(dirname "$0")/common.sh"
install openlineage-python==1.54.0 confluent-kafka==2.16.1
cat >emit.py <<'PYTHON'
import logging
import os
import socket

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

logging.disable(logging.CRITICAL)
closed = socket.socket()
closed.bind(("127.0.0.1", 0))  # not listening: connections are refused as long as the socket is open
address = f"127.0.0.1:{closed.getsockname()[1]}"
FIRST = {
    "http": {"type": "http", "url": f"http://{address}", "retry": {"total": 0}},
    "kafka": {
        "type": "kafka",
        "topic": "lineage",
        "config": {"bootstrap.servers": address, "message.timeout.ms": 2000, "log_level": 0},
    },
    "async_http": {"type": "async_http", "url": f"http://{address}", "retry": {"total": 0}},
}
event = RunEvent(
    eventType=RunState.START,
    eventTime="2026-01-01T00:00:00Z",
    run=Run("01941f29-7c00-7000-8000-000000000000"),
    job=Job("shop", "orders"),
    producer="https://example.com/p",
)


def emitted(transport):
    client = OpenLineageClient(config={"transport": transport})
    client.emit(event)
    return f"emit() returned, close() {client.close(timeout=30)}"


for name, first in FIRST.items():
    fallback = {"type": "file", "log_file_path": f"{name}.jsonl", "append": True}
    outcome = emitted({"type": "composite", "continue_on_success": False, "transports": [first, fallback]})
    print(f"{name} first: {outcome}, events in the fallback: {int(os.path.exists(f'{name}.jsonl'))}")
print("kafka alone:", emitted(FIRST["kafka"]))
PYTHON
quietly env -i HOME="$work" PATH="$PATH" venv/bin/python emit.py >seen
compare
