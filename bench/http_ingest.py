"""`python -m bench.http_ingest`: events over HTTP into a topic, against bare producers.

One bare producer has kafka-python's defaults, the other the settings of the server's own, whose batches are larger. All
wait for all in-sync replicas. The clients are processes of their own, with a connection each that stays open, so that
they cost the server nothing but its share of the machine.
"""

from __future__ import annotations

import http.client
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from bench import report
from bench.serve import percentile
from bench.workload import Project
from consumer.config.settings import KafkaSettings
from consumer.graph.sqlite_store import SqliteStore
from consumer.kafka.producer import producer_options
from tests.support.api.serving import ServeProcess
from tests.support.brokers.kafka_server import KafkaBroker

HEADS = ("what", "events/s", "p50, ms", "p99, ms", "of kafka-python's defaults", "of the server's settings")
GROUP = 500
"""Events that a bare producer waits for at once, as the server does at most."""

PROCESSES, CONNECTIONS, IN_BATCH = 2, 16, 20


def bare_rate(broker: KafkaBroker, values: Sequence[bytes], **options: Any) -> float:
    """Events per second of a producer."""
    topic = broker.create_topic(f"bare-{uuid.uuid4().hex[:8]}", 1)
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", **options)) as producer:
        producer.send(topic, values[0]).get(60)
        began = time.perf_counter()
        for start in range(0, len(values), GROUP):
            for future in [producer.send(topic, value) for value in values[start : start + GROUP]]:
                future.get(60)
        return len(values) / (time.perf_counter() - began)


def post(port: int, path: str, bodies: Sequence[bytes]) -> list[float]:
    """Sends bodies one after another; returns the seconds of each.

    Raises:
        RuntimeError: One of them is not answered with 2xx.
    """
    took = []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        for body in bodies:
            began = time.perf_counter()
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            took.append(time.perf_counter() - began)
            if answer.status not in {201, 204}:
                raise RuntimeError(f"{path} answered {answer.status}")
    return took


def post_from_threads(port: int, path: str, shares: Sequence[Sequence[bytes]]) -> list[float]:
    """Sends each share on a connection of its own; returns the seconds of each request."""
    with ThreadPoolExecutor(len(shares)) as threads:
        found = list(threads.map(partial(post, port, path), shares))
    return [seconds for share in found for seconds in share]


def rated(server: ServeProcess, path: str, bodies: Sequence[bytes]) -> tuple[float, list[float]]:
    """Sends all bodies from all processes at once; returns bodies per second, and the milliseconds of each, sorted."""
    shares = [bodies[number :: PROCESSES * CONNECTIONS] for number in range(PROCESSES * CONNECTIONS)]
    began = time.perf_counter()
    with ProcessPoolExecutor(PROCESSES) as processes:
        send = partial(post_from_threads, server.port, path)
        found = list(processes.map(send, [shares[number::PROCESSES] for number in range(PROCESSES)]))
    rate = len(bodies) / (time.perf_counter() - began)
    return rate, sorted(seconds * 1000 for share in found for seconds in share)


def run(project: Project, count: int) -> Iterator[Sequence[str]]:
    """Yields the rows."""
    values = [value for number in range(1, 2 + count // (2 * project.models)) for _, value in project.build(number)]
    values = values[:count]
    batches = [b"[" + b",".join(values[start : start + IN_BATCH]) + b"]" for start in range(0, count, IN_BATCH)]
    with tempfile.TemporaryDirectory() as folder, closing(KafkaBroker()) as broker:
        file = Path(folder) / "graph.db"
        SqliteStore(file).close()
        bare = bare_rate(broker, values)
        yield ["bare producer, kafka-python's defaults", f"{bare:,.0f}", "", "", "", ""]
        tuned = bare_rate(broker, values, **_own_settings())
        yield ["bare producer, the server's settings", f"{tuned:,.0f}", "", "", f"{tuned / bare:.2f}", ""]
        topic = broker.create_topic(f"http-{uuid.uuid4().hex[:8]}", 1)
        kafka = ("--ingest", "kafka", "--kafka-bootstrap-servers", broker.bootstrap, "--kafka-topic", topic)
        server = ServeProcess(Path(folder), "--graph", f"sqlite:///{file}", "--log-level", "error", *kafka)
        try:
            post(server.port, "/api/v1/lineage", values[:10])
            clients = PROCESSES * CONNECTIONS
            for in_body, path, bodies in ((1, "/api/v1/lineage", values), (IN_BATCH, "/api/v1/lineage/batch", batches)):
                rate, took = rated(server, path, bodies)
                shares = [f"{percentile(took, share):,.1f}" for share in (0.5, 0.99)]
                ratios = [f"{rate * in_body / limit:.2f}" for limit in (bare, tuned)]
                yield [f"{clients} clients, events in a request: {in_body}", f"{rate * in_body:,.0f}", *shares, *ratios]
        finally:
            server.stop()


def _own_settings() -> dict[str, Any]:
    options = producer_options(KafkaSettings())
    return {key: options[key] for key in ("enable_idempotence", "compression_type", "batch_size", "linger_ms")}


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.http_ingest", __doc__ or "")
    parser.add_argument("--models", type=int, default=500, help="models of the project (500)")
    parser.add_argument("--events", type=int, default=10_000, help="events in each row (10,000)")
    options = parser.parse_args()
    rows = []
    for found in run(Project("bench", options.models, mixes=2), options.events):
        rows.append(found)
        print(*found, sep="  ", flush=True)
    report.tell("bench.http_ingest", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
