"""`headwater consume` raises alerts beside its work if a file of alerts is declared."""

from __future__ import annotations

from pathlib import Path

import orjson
from kafka import KafkaProducer

from tests.support.alerts.http_receiver import HttpReceiver
from tests.support.brokers.consuming_processes import Field
from tests.support.graph.example_graphs import table
from tests.support.graph.run_events import run_event
from tests.support.processes.servers import KafkaBroker

A, B, C = (table(name) for name in "abc")


def test_a_lost_source_is_delivered(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The thread of alerts evaluates what the consumer writes, and ends with it."""
    with HttpReceiver() as receiver:
        declared = tmp_path / "alerts.toml"
        declared.write_text(f"[[channels]]\nname = 'hook'\ntype = 'webhook'\nurl = '{receiver.url}'\n")
        field = Field(kafka_broker, f"sqlite:///{tmp_path / 'graph.db'}", tmp_path, partitions=1)
        alerting = {"FILE": str(declared), "SETTLE_S": "0.2", "EVALUATE_EVERY_S": "0.2", "CHECK_EVERY_S": "0.1"}
        settings = {f"ALERTS__{name}": value for name, value in alerting.items()} | {"LOG__FORMAT": "json"}
        producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap)
        producer.send(field.topic, orjson.dumps(run_event("COMPLETE", "10:00", C, A, B, run="1")))
        producer.flush()
        with field.consuming() as before:
            field.until_lag(0)
            before.stop()
        with field.consuming(**settings) as service:
            field.until(lambda: bool(service.told("alerting begun")), "alerting has begun")
            producer.send(field.topic, orjson.dumps(run_event("COMPLETE", "11:00", C, A, run="2")))
            producer.flush()
            (request,) = receiver.wait_for(1)
            service.stop()
        producer.close()
    assert orjson.loads(request.body)["data"]["summary"] == "c lost its source b"
