#!/usr/bin/env bash
# The CloudEvents SDK reads a structured message that has headers too as a binary one, so the data is the whole envelope.
#
# Tool: cloudevents 2.2.0 (PyPI), the Kafka and HTTP bindings of cloudevents.core.
# Input: a message in structured mode, content-type application/cloudevents+json, with the headers of the binary mode beside it. The
# specification allows these headers (Kafka binding 3.3.3), and says that content-type decides on the mode (section 3).
# Guess: the mode is structured, so the data is the event's data, with or without the headers.
# Observed: one header that starts with ce_ makes the mode binary, whatever content-type is. The data is the JSON of the envelope,
# with the real data one level below, and datacontenttype is that of the envelope. No error is raised. Same for HTTP.
# Why it matters: brokers and functions add these headers so that subscriptions can filter. A consumer of OpenLineage events then
# finds no eventType, run or job at the top, and drops the event as one of another kind.
#
#> Kafka, structured: data {'eventType': 'COMPLETE'}, type application/json
#> Kafka, structured with headers: data keys ['data', 'datacontenttype', 'id', 'source', 'specversion', 'time', 'type'], type application/cloudevents+json
#> HTTP, structured: data {'eventType': 'COMPLETE'}, type application/json
#> HTTP, structured with headers: data keys ['data', 'datacontenttype', 'id', 'source', 'specversion', 'time', 'type'], type application/cloudevents+json
. "$(dirname "$0")/common.sh"
install cloudevents==2.2.0
cat >read.py <<'PYTHON'
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

FORMAT = JSONFormat()
attributes = {"id": "1", "source": "/dbt", "type": "org.openlineage.RunEvent", "datacontenttype": "application/json"}
event = CloudEvent(attributes, {"eventType": "COMPLETE"})


def show(text, read):
    data, kind = read.get_data(), read.get_attributes()["datacontenttype"]
    print(f"{text}: {f'data {data}' if 'eventType' in data else f'data keys {sorted(data)}'}, type {kind}")


structured, headers = kafka.to_structured(event, FORMAT), kafka.to_binary(event, FORMAT).headers
show("Kafka, structured", kafka.from_kafka(structured, FORMAT))
both = kafka.KafkaMessage({**headers, **structured.headers}, None, structured.value)
show("Kafka, structured with headers", kafka.from_kafka(both, FORMAT))

structured, headers = http.to_structured(event, FORMAT), http.to_binary(event, FORMAT).headers
show("HTTP, structured", http.from_http(structured, FORMAT))
both = http.HTTPMessage({**headers, **structured.headers}, structured.body)
show("HTTP, structured with headers", http.from_http(both, FORMAT))
PYTHON
quietly venv/bin/python read.py >seen
compare
