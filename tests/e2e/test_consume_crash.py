"""The second law on the real thing: `headwater consume` killed at random moments ends in the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer

from bench.workload import Project
from consumer.graph import export
from consumer.graph.embedded import EmbeddedStore
from consumer.graph.neptune import open_gremlin
from consumer.graph_sink import GraphSink
from consumer.lineage.identity import IdentityRules
from schemas.decode import decode
from tests.support.servers import GremlinServer, KafkaBroker

HEADWATER = Path(sys.executable).parent / "headwater"
EVENTS = 5_000
KILLS = 4
PATIENCE_S = 120


def _changed(value: bytes, build: int) -> bytes:
    """An event of a project that changes: in odd builds models read one table less, and some fail."""
    event: dict[str, Any] = orjson.loads(value)
    if build % 2:
        event["inputs"] = event["inputs"][:1]
    if event["eventType"] == "COMPLETE" and hash_of(event["run"]["runId"]) % 9 == 0:
        event["eventType"] = "FAIL"
    return orjson.dumps(event)


def hash_of(text: str) -> int:
    """A number that is the same in each process."""
    return sum(text.encode())


def records() -> list[tuple[bytes, bytes]]:
    """Five thousand records of two projects, in an order in which they could come."""
    found: list[tuple[bytes, bytes]] = []
    build = 0
    while len(found) < EVENTS:
        for project in (Project("left", 60), Project("right", 60)):
            found += [(key, _changed(value, build)) for key, value in project.build(build)]
        build += 1
    return found[:EVENTS]


@contextmanager
def consuming(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `headwater consume` process."""
    with (
        log.open("ab") as said,
        subprocess.Popen([HEADWATER, "consume"], env=os.environ | environment, stdout=said, stderr=said) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def await_lag(broker: KafkaBroker, topic: str, most: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until at most so many records are uncommitted."""
    until = time.monotonic() + PATIENCE_S
    while (lag := broker.lag(topic, "crash")) > most:
        assert process.poll() is None, f"consume ended with {process.returncode}:\n{log.read_text()[-4000:]}"
        assert time.monotonic() < until, f"{lag} records uncommitted after {PATIENCE_S} s:\n{log.read_text()[-4000:]}"


@pytest.mark.timeout(600)
def test_killed_again_and_again(kafka_broker: KafkaBroker, gremlin_server: GremlinServer, tmp_path: Path) -> None:
    """SIGKILL at random moments during 5,000 events, and a restart each time: nothing lost, nothing wrong."""
    gremlin_server.clear()
    topic, dead = kafka_broker.create_topic(partitions=2), kafka_broker.create_topic()
    said = records()
    producer = KafkaProducer(bootstrap_servers=kafka_broker.bootstrap, linger_ms=20)
    for key, value in said:
        producer.send(topic, key=key, value=value)
    producer.flush()
    producer.close()

    environment = {
        "HEADWATER_GRAPH": gremlin_server.url,
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "HEADWATER_KAFKA__TOPIC": topic,
        "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": dead,
        "HEADWATER_KAFKA__GROUP_ID": "crash",
        # The least that a broker allows: a killed member is missed only when its session ends.
        "HEADWATER_KAFKA__SESSION_TIMEOUT_S": "6",
        "HEADWATER_KAFKA__HEARTBEAT_INTERVAL_S": "1",
        "HEADWATER_BATCH__MAX_RECORDS": "100",
    }
    log = tmp_path / "consume.log"
    chosen = random.Random(7)
    for most in sorted((chosen.randrange(EVENTS // 5, EVENTS) for _ in range(KILLS)), reverse=True):
        with consuming(environment, log) as process:
            await_lag(kafka_broker, topic, most, process, log)
            process.send_signal(signal.SIGKILL)
            process.wait()
    with consuming(environment, log) as process:
        await_lag(kafka_broker, topic, 0, process, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, f"SIGTERM did not end it well:\n{log.read_text()[-4000:]}"

    undisturbed = EmbeddedStore(Path(":memory:"))
    GraphSink(undisturbed, IdentityRules.of()).write([decode(value) for _, value in said])
    store = open_gremlin(gremlin_server.url)
    found = export.to_json(export.document(store))
    store.close()
    assert found == export.to_json(export.document(undisturbed)), "the crashes left another graph"
    assert not kafka_broker.records(dead), "records were rejected"
