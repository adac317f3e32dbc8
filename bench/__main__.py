"""`python -m bench`: how fast events become lineage, next to the raw limits measured in the same run.

It starts a Kafka broker and a Gremlin Server of its own on loopback, and prints a table in Markdown. With `--write` the
table replaces the one in docs/performance.md.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.raw import merge_rate, read_rate
from bench.workload import Project
from consumer.graph import model
from consumer.graph.embedded import EmbeddedStore
from consumer.graph.neptune import open_gremlin
from consumer.graph.store import GraphStore
from consumer.graph_sink import GraphSink
from consumer.kafka.dead_letters import TopicDeadLetters
from consumer.kafka.loop import Loop, Report
from consumer.kafka.producer import TopicProducer
from consumer.kafka.source import KafkaSource
from consumer.lineage.identity import IdentityRules
from consumer.setting_groups import BatchSettings, KafkaSettings
from schemas.decode import decode
from tests.support.gremlin_server import GremlinServer
from tests.support.kafka_broker import KafkaBroker

DOCUMENT = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- table: make bench -->", "<!-- end of table -->"
EDGE_LABELS = tuple(element.label for element in model.ELEMENTS if element.kind == "edge")
VERTEX_LABELS = tuple(element.label for element in model.ELEMENTS if element.kind == "vertex")

Records = list[tuple[bytes, bytes]]


class Row(NamedTuple):
    """A line of the table: what was done, how often in a second, and against which limit."""

    what: str
    rate: float
    limit: str
    ratio: float | None


def ingest_rate(store: GraphStore, records: Records, batch: int) -> float:
    """Events per second of decode, fold and write, without Kafka."""
    sink = GraphSink(store, IdentityRules.of())
    began = time.perf_counter()
    for start in range(0, len(records), batch):
        sink.write([decode(value) for _, value in records[start : start + batch]])
    return len(records) / (time.perf_counter() - began)


def consume_rate(store: GraphStore, kafka: KafkaSettings, records: int, batch: int) -> float:
    """Events per second of the service's loop, from its first batch's arrival to the last commit."""
    stop, done = threading.Event(), 0
    began = 0.0

    def count(report: Report) -> None:
        nonlocal done, began
        began = began or time.perf_counter() - report.seconds
        done += report.records
        if done >= records:
            stop.set()

    loop = Loop(
        KafkaSource(kafka),
        decode,
        GraphSink(store, IdentityRules.of()),
        TopicDeadLetters(TopicProducer(kafka), kafka.dead_letter_topic),
        BatchSettings(max_records=batch),
        time.monotonic,
        stop,
        report=count,
    )
    loop.run()
    return records / (time.perf_counter() - began)


def produce(broker: KafkaBroker, topic: str, records: Records) -> None:
    """Writes records to a topic."""
    from kafka import KafkaProducer  # noqa: PLC0415 - only here

    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=20)
    for key, value in records:
        producer.send(topic, value=value, key=key)
    producer.flush()
    producer.close()


def elements(store: GraphStore) -> tuple[int, int]:
    """How many vertices and edges a graph has."""
    vertices = sum(1 for label in VERTEX_LABELS for _ in store.vertices(label))
    edges = sum(1 for label in EDGE_LABELS for _ in store.edges(label))
    return vertices, edges


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| what | per second | limit in the same run | ratio |", "|---|---:|---|---:|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        lines.append(f"| {row.what} | {row.rate:,.0f} | {row.limit} | {ratio} |")
    return "\n".join(lines)


def run(models: int, builds: int, batch: int) -> Iterator[Row]:
    """Measures; yields rows as they are known."""
    project = Project("bench", models)
    first = list(project.build(0))
    later = [record for number in range(1, builds + 1) for record in project.build(number)]
    broker, server = KafkaBroker(), GremlinServer("tinkergraph")
    try:
        topic, new_topic = broker.create_topic("steady"), broker.create_topic("new")
        produce(broker, new_topic, first)
        produce(broker, topic, later)
        size = sum(len(value) for _, value in later) / len(later)
        raw_read = read_rate(broker.bootstrap, topic, len(later))
        yield Row(f"bare kafka-python loop, events of {size / 1000:.1f} KB", raw_read, "", None)

        with tempfile.TemporaryDirectory() as folder:
            embedded = EmbeddedStore(Path(folder) / "graph.db")
            rate = ingest_rate(embedded, first, batch)
            yield Row("ingest into SQLite, all-new models", rate, "bare read", rate / raw_read)
            rate = ingest_rate(embedded, later, batch)
            yield Row("ingest into SQLite, rebuilds of known models", rate, "bare read", rate / raw_read)
            embedded.close()

        def kafka(topic: str) -> KafkaSettings:
            return KafkaSettings(
                bootstrap_servers=[broker.bootstrap],
                topic=topic,
                dead_letter_topic=broker.create_topic(),
                group_id=f"bench-{topic}",
            )

        store = open_gremlin(server.url)
        new = consume_rate(store, kafka(new_topic), len(first), batch)
        vertices, edges = elements(store)
        new_elements = new * (vertices + edges) / len(first)
        steady = consume_rate(store, kafka(topic), len(later), batch)
        store.close()
        server.clear()
        raw_merge = merge_rate(server.url, vertices, edges)
        yield Row(f"bare mergeV/mergeE, {vertices:,} vertices and {edges:,} edges", raw_merge, "", None)
        yield Row(
            f"consume, all-new models: elements ({new:,.0f} events)",
            new_elements,
            "bare merge",
            new_elements / raw_merge,
        )
        yield Row("consume, rebuilds of known models: events", steady, "bare read", steady / raw_read)
    finally:
        server.close()
        broker.close()


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--models", type=int, default=500, help="models of the dbt project (500)")
    parser.add_argument("--builds", type=int, default=10, help="how often it is built again (10)")
    parser.add_argument("--batch", type=int, default=1000, help="events in a batch (1000)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    rows: list[Row] = []
    for row in run(options.models, options.builds, options.batch):
        rows.append(row)
        print(f"{row.what}: {row.rate:,.0f}/s", flush=True)
    print()
    print(table(rows))
    if options.write:
        text = DOCUMENT.read_text()
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        DOCUMENT.write_text(f"{head}{BEGIN}\n\n{table(rows)}\n\n{END}{tail}")


if __name__ == "__main__":
    main()
