"""`headwater consume` over HTTP: what an orchestrator and Prometheus are told by a real service on a real broker."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from consumer.telemetry.metrics import CATALOGUE
from tests.support.brokers.consuming_processes import HEADWATER, Field, Service
from tests.support.events.small_events import records
from tests.support.processes.servers import KafkaBroker, free_port

GOOD = 200
BAD: list[tuple[bytes, bytes]] = [
    (b"k", b"{]"),
    (b"k", b'{"eventTime": "2026-01-01T00:00:00Z", "run": {}, "job": {"namespace": "a", "name": "b"}}'),
]

ALERTS = "headwater_alert"
"""Beginning of the metrics that are served only where alerts are raised."""


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""
    with (
        suppress(ConnectionError),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection,
    ):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    return 0, ""


def reasons(port: int) -> list[str]:
    """Why a service is not ready."""
    found: list[str] = json.loads(get(port, "/readyz")[1])["reasons"]
    return found


def samples(port: int) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample, by its series and the values of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(get(port, "/metrics")[1]):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def rejections(service: Service) -> list[dict[str, Any]]:
    """What the log says of rejected records."""
    return service.told("record rejected")


def test_a_service_that_is_well(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """It gets ready, counts what it reads, rejects and writes, and tells of rejected records by their place."""
    port = free_port()
    field = Field(kafka_broker, f"sqlite:///{tmp_path}/graph.db", tmp_path, 2, HTTP__PORT=str(port), LOG__FORMAT="json")
    with field.consuming() as service:
        field.until(lambda: get(port, "/readyz")[0] == 200, "the service is ready")
        assert get(port, "/healthz")[0] == 200
        field.send([*records(GOOD), *BAD])
        field.until_lag(0)
        sent = kafka_broker.lag(field.topic, "a group that read nothing")
        field.until(lambda: samples(port)["headwater_records_total"][()] >= sent, "all records are counted")
        field.until(lambda: samples(port)["headwater_oldest_uncommitted_seconds"][()] == 0, "nothing is in hand")
        found = samples(port)
        assert found["headwater_records_total"][()] == sent, "records are counted twice"
        assert found["headwater_events_total"][()] == sent - len(BAD)
        assert found["headwater_rejected_records_total"][()] == len(BAD)
        assert found["headwater_dead_letters_total"][("document",)] == 1
        assert found["headwater_dead_letters_total"][("run",)] == 1
        assert found["headwater_partitions"][()] == 2
        assert found["headwater_lag_records"] == {("0",): 0, ("1",): 0}
        assert found["headwater_ready"][()] == 1
        assert found["headwater_graph_request_seconds_count"][("write", "ok")] > 0
        assert found["headwater_graph_changes_total"][("applied",)] > GOOD
        assert 0 < found["headwater_event_delay_seconds_sum"][()] < 3600
        assert found["process_resident_memory_bytes"][()] > 0
        served = {name for metric in CATALOGUE if not metric.name.startswith(ALERTS) for name in metric.series}
        assert served <= found.keys(), "some metrics are not served"
        service.stop()
    told = rejections(service)
    assert [(line["topic"], line["reason"] != "") for line in told] == [(field.topic, True)] * 2
    assert len({(line["partition"], line["offset"]) for line in told}) == 2, "two records, two places"


def test_a_graph_that_is_away(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The service is alive, and not ready until the graph answers; the answer names no host. Its end is not held up."""
    port, graph = free_port(2), "ws://127.0.0.1:{}/gremlin"
    field = Field(kafka_broker, graph.format(port + 1), tmp_path, 1, HTTP__PORT=str(port), LOG__FORMAT="json")
    with field.consuming() as service:
        field.until(lambda: get(port, "/readyz")[0] == 503, "the service listens")
        field.until(lambda: reasons(port) == ["the sink has not responded yet"], "the service is a member")
        field.until(lambda: bool(service.told("sink not ready, retrying")), "the graph is asked")
        assert get(port, "/healthz")[0] == 200
        assert samples(port)["headwater_ready"][()] == 0
        assert str(port + 1) not in get(port, "/readyz")[1]
        service.stop()


def test_a_port_in_use(tmp_path: Path) -> None:
    """It is a wrong setting: exit code 2, before anything else is begun."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        graph = f"sqlite:///{tmp_path}/graph.db"
        command: list[str | Path] = [HEADWATER, "consume", "--http-port", str(port), "--graph", graph]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert f"can't listen on http.port {port} of http.host 127.0.0.1" in done.stderr
    assert not (tmp_path / "graph.db").exists()
