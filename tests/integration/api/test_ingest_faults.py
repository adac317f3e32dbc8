"""Law 7 under faults: what `headwater serve` answered with 2xx is in the topic or in the graph.

Stock openlineage-python sends with `http` and `async_http`. It tries again on 503 and on broken connections, so what it
has sent without an error must be kept, whatever happened to the server, the broker or the disk meanwhile.
"""

from __future__ import annotations

import signal
import threading
import uuid
from pathlib import Path

import httpx
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport

from tests.support.api.numbered_events import MODEL, body, event, exported
from tests.support.api.serving import ServeProcess
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker
from tests.support.variants import one_of
from tests.support.waiting import wait_until

COUNT = 40
RETRIES = {
    "total": 14,
    "connect": 14,
    "read": 14,
    "backoff_factor": 0.02,
    "status_forcelist": [500, 502, 503, 504],
    "allowed_methods": ["POST"],
}
"""As the clients' own, but for more than a minute."""


def http(url: str) -> OpenLineageClient:
    """A client with the transport `http`, patient enough for what a test does."""
    return OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict({"url": url, "retry": RETRIES})))


def async_http(url: str) -> OpenLineageClient:
    """The same with `async_http`."""
    return OpenLineageClient(transport=AsyncHttpTransport(AsyncHttpConfig.from_dict({"url": url, "retry": RETRIES})))


TRANSPORTS = {"http": http, "async_http": async_http}


def empty_graph(folder: Path) -> str:
    """The URL of a graph that is there."""
    graph = f"sqlite:///{folder}/graph.db"
    assert headwater("ingest", "--graph", graph, "-", stdin=body(0)).exit_code == 0
    return graph


def of_the_topic(broker: KafkaBroker, topic: str) -> set[int]:
    """The numbers of the events in a topic."""
    keys = (str(record.key or b"", "utf-8") for record in broker.records(topic))
    return {int(key.removeprefix(f"dbt/{MODEL}")) for key in keys}


def send_all(client: OpenLineageClient, numbers: range, sent: set[int]) -> None:
    """Sends events, and notes those that the client took for delivered."""
    for number in numbers:
        client.emit(event(number))
        sent.add(number)
    assert client.close(timeout=120)


FAULTS = ("the server is killed", "the broker is killed", "the broker hangs")
BY_TURNS = (("http", "async_http"), ("async_http", "http"))
CASES = [(fault, transport) for number, fault in enumerate(FAULTS) for transport in one_of(BY_TURNS[number % 2])]


@pytest.mark.parametrize(("fault", "transport"), CASES)
def test_stock_clients_lose_nothing(fault: str, transport: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """A fault amid a client's events: once it is over, every event of the client is in the topic."""
    broker = kafka_broker
    topic, graph = broker.create_topic(f"faults-{uuid.uuid4().hex[:8]}", 2), empty_graph(tmp_path)
    options = ("--kafka-bootstrap-servers", broker.bootstrap, "--kafka-topic", topic)
    server = ServeProcess(tmp_path, "--graph", graph, "--ingest", "kafka", *options)
    sent: set[int] = set()
    sender = threading.Thread(target=send_all, args=(TRANSPORTS[transport](server.url), range(COUNT), sent))
    try:
        sender.start()
        wait_until(lambda: len(of_the_topic(broker, topic)) >= COUNT // 4, "a quarter of the events is in the topic")
        server = during(fault, broker, server, tmp_path, ("--graph", graph, "--ingest", "kafka", *options))
        sender.join(240)
        assert not sender.is_alive(), "the client did not come to its end"
        assert len(sent) == COUNT, "the client gave an event up"
        assert of_the_topic(broker, topic) == sent
    finally:
        broker.heal()
        assert server.stop() == 0, server.log.read_text()


def during(
    fault: str, broker: KafkaBroker, server: ServeProcess, folder: Path, options: tuple[str, ...]
) -> ServeProcess:
    """Makes a fault and ends it; returns the server of then."""
    if fault == "the server is killed":
        server.kill()
        return ServeProcess(folder, *options, port=server.port)
    if fault == "the broker is killed":
        broker.stop(crash=True)
        refused_once(server)
        broker.start()
    else:
        broker.pause()
        refused_once(server)
        broker.resume()
    return server


def refused_once(server: ServeProcess) -> None:
    """Posts until an event is refused: with Retry-After and never with 429."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        while (answer := post(client, 0)).status_code == 201:
            assert server.process.poll() is None
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text


def post(client: httpx.Client, number: int) -> httpx.Response:
    """Posts one event."""
    return client.post("/api/v1/lineage", content=body(number), headers={"content-type": "application/json"})


def test_a_full_disk_is_503_and_nothing_answered_is_lost(tmp_path: Path) -> None:
    """The graph's files may not grow beyond a limit: events are refused, and those before are in the graph."""
    graph = empty_graph(tmp_path)
    largest = max(path.stat().st_size for path in tmp_path.glob("graph.db*"))
    server = ServeProcess(tmp_path, "--graph", graph, most_bytes_of_a_file=largest + 512 * 1024)
    kept: set[int] = {0}
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while (answer := post(client, max(kept) + 1)).is_success:
                kept.add(max(kept) + 1)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
            assert client.get("/healthz").status_code == 200
    finally:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    names = exported(graph)
    missing = {number for number in kept if f"{MODEL}{number}" not in names}
    assert not missing, "answered with 2xx and not in the graph"
    again = ServeProcess(tmp_path, "--graph", graph)
    try:
        with httpx.Client(base_url=again.url, timeout=30) as client:
            assert post(client, max(kept) + 1).status_code == 201
    finally:
        assert again.stop() == 0, again.log.read_text()
