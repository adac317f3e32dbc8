"""`headwater serve` as a process, with stock OpenLineage clients: acknowledged means kept."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.transport.http import HttpConfig, HttpTransport

from consumer.api.access.keys import new_key
from tests.support.api.numbered_events import body, event, exported
from tests.support.api.serving import HEADWATER, ServeProcess
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker

COUNT = 200


def openlineage(url: str, key: str | None = None) -> OpenLineageClient:
    """A stock client; it retries for about nine seconds."""
    config: dict[str, Any] = {"url": url, "compression": "gzip"}
    if key:
        config["auth"] = {"type": "api_key", "apiKey": key}
    return OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict(config)))


def send_until_killed(server: ServeProcess, acknowledged: set[int], numbers: range) -> None:
    """Posts events one by one, and notes those that were answered with 2xx."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for number in numbers:
            try:
                answer = client.post(
                    "/api/v1/lineage", content=body(number), headers={"content-type": "application/json"}
                )
            except httpx.HTTPError:
                return
            if answer.is_success:
                acknowledged.add(number)


def test_acknowledged_events_survive_sigkill_in_the_graph(tmp_path: Path) -> None:
    """What was answered with 2xx is in the graph after a kill at any moment, several senders at once."""
    graph = f"sqlite:///{tmp_path}/graph.db"
    headwater("ingest", "--graph", graph, "-", stdin=body(0))
    server = ServeProcess(tmp_path, "--graph", graph)
    acknowledged: list[set[int]] = [set() for _ in range(4)]
    senders = [
        threading.Thread(target=send_until_killed, args=(server, mine, range(at * 10_000, at * 10_000 + 5_000)))
        for at, mine in enumerate(acknowledged)
    ]
    for sender in senders:
        sender.start()
    with httpx.Client(base_url=server.url, timeout=30) as client:
        while sum(map(len, acknowledged)) < COUNT:
            assert client.get("/healthz").status_code == 200
    server.kill()
    for sender in senders:
        sender.join()
    names = exported(graph)
    missing = {number for mine in acknowledged for number in mine if f"model.p.m{number}" not in names}
    assert not missing, "answered with 2xx and not in the graph"


def test_stock_clients_reach_the_topic(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """openlineage-python's http transport, with a key; events come into the topic under the root job's key."""
    topic = kafka_broker.create_topic(f"serve-{uuid.uuid4().hex[:8]}", 2)
    graph = f"sqlite:///{tmp_path}/graph.db"
    headwater("ingest", "--graph", graph, "-", stdin=body(0))
    key, digest = new_key("ci")
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[[keys]]\nid = "ci"\nsha256 = "{digest}"\nscopes = ["ingest"]\n')
    server = ServeProcess(
        tmp_path,
        *("--graph", graph, "--ingest", "kafka", "--keys-file", str(keys)),
        *("--kafka-bootstrap-servers", kafka_broker.bootstrap, "--kafka-topic", topic),
    )
    try:
        client = openlineage(server.url, key)
        for number in range(20):
            client.emit(event(number))
        client.close()
        assert httpx.post(f"{server.url}/api/v1/lineage", content=body(1)).status_code == 401
    finally:
        assert server.stop() == 0, server.log.read_text()
    records = kafka_broker.records(topic)
    expected = {f"dbt/model.p.m{number}".encode() for number in range(20)}
    assert (len(records), {record.key for record in records}) == (20, expected)
    assert {dict(record.headers)["principal"] for record in records} == {b"ci"}


def test_a_broker_that_is_away_is_503_and_nothing_is_lost(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """While it is stopped events are refused with 503; after its return a stock client's event arrives."""
    topic = kafka_broker.create_topic()
    graph = f"sqlite:///{tmp_path}/graph.db"
    headwater("ingest", "--graph", graph, "-", stdin=body(0))
    options = ("--kafka-bootstrap-servers", kafka_broker.bootstrap, "--kafka-topic", topic)
    server = ServeProcess(tmp_path, "--graph", graph, "--ingest", "kafka", *options)
    try:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            accept(client, server, 1)
            kafka_broker.stop()
            refused = client.post("/api/v1/lineage", content=body(2))
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            kafka_broker.start()
            accept(client, server, 2)
    finally:
        assert server.stop() == 0, server.log.read_text()
    assert {record.key for record in kafka_broker.records(topic)} == {b"dbt/model.p.m1", b"dbt/model.p.m2"}


def accept(client: httpx.Client, server: ServeProcess, number: int) -> None:
    """Posts an event until it is accepted; on a busy machine the first connection to the broker takes its time."""
    while client.post("/api/v1/lineage", content=body(number)).status_code != 201:
        assert server.process.poll() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--serve-host", "0.0.0.0"), "serve.access"),  # noqa: S104 -- refused
        (("--keys-file", "none.toml"), "can't be read"),
    ],
)
def test_an_open_server_is_refused(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    """Without keys only loopback is listened on; exit code 2 before anything else."""
    command = [str(HEADWATER), "serve", "--graph", f"sqlite:///{tmp_path}/graph.db", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(("is_there", "reason"), [(False, "it does not exist"), (True, "it is an empty file")])
def test_a_new_graph_is_named_once_and_takes_events(tmp_path: Path, *, is_there: bool, reason: str) -> None:
    """A misspelt path is in the log, and a new installation needs no step before the first event."""
    graph = f"sqlite:///{tmp_path}/new.db"
    if is_there:
        (tmp_path / "new.db").touch()
    for _ in range(2):
        server = ServeProcess(tmp_path, "--graph", graph)
        try:
            assert httpx.get(f"{server.url}/readyz").status_code == 200
            assert httpx.post(f"{server.url}/api/v1/lineage", content=body(1)).status_code == 201
        finally:
            assert server.stop() == 0, server.log.read_text()
    lines = [json.loads(line) for line in (tmp_path / "serve.log").read_text().splitlines()]
    warned = [line for line in lines if line["event"] == "created an empty graph"]
    assert [(line["level"], line["file"], line["reason"]) for line in warned] == [
        ("warning", f"{tmp_path}/new.db", reason)
    ]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"a text, and no database\n" * 100, (), "is damaged or not a graph"),
        (b"a text, and no database\n" * 100, ("--ingest", "off"), "is damaged or not a graph"),
        (None, ("--ingest", "off"), "does not exist"),
        (b"", ("--ingest", "off"), "is an empty file"),
    ],
)
def test_a_graph_that_can_not_be_used_ends_the_start(
    tmp_path: Path, content: bytes | None, options: tuple[str, ...], message: str
) -> None:
    """Exit code 2 with the message of other commands, before anything is served."""
    file = tmp_path / "graph.db"
    if content is not None:
        file.write_bytes(content)
    command = [str(HEADWATER), "serve", "--graph", f"sqlite:///{file}", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert "serving" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("host", "options", "message"),
    [
        ("127.0.0.1", (), "127.0.0.1:{port} is in use; choose another with --port"),
        ("127.0.0.1", ("--host", "localhost"), "127.0.0.1:{port} is in use; choose another with --port"),
        ("127.0.0.1", ("--host", "192.0.2.1", "--access", "none"), "192.0.2.1"),
    ],
)
def test_a_port_that_can_not_be_listened_on(tmp_path: Path, host: str, options: tuple[str, ...], message: str) -> None:
    """One line with the option, before the server logs that it serves."""
    with socket.create_server((host, 0)) as taken:
        port = taken.getsockname()[1]
        graph = f"sqlite:///{tmp_path}/graph.db"
        command = [str(HEADWATER), "serve", "--graph", graph, "--ingest", "graph", "--port", str(port), *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, message.format(port=port) in done.stderr.splitlines()[-1]) == (2, True), done.stderr
    assert '"serving"' not in done.stderr
    assert "startup" not in done.stderr
