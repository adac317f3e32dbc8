"""`python -m bench`: how fast events become lineage, next to the raw limits measured in the same run.

It starts a Kafka broker and a Gremlin Server of its own on loopback, and prints a table in Markdown. With `--write` the
table replaces the one in docs/performance.md.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from bench import report
from bench.raw import merge_rate, read_rate
from bench.service import rate, running, watch
from bench.topic import Topic
from bench.workload import Project
from consumer.graph import schema
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Edge, GraphStore, Vertex
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from consumer.runtime import tune_gc
from schemas.decode import decode
from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.graph.gremlin_server import GremlinServer

HEADS = ("what", "per second", "limit in the same run", "ratio")
BATCH = 500
"""Events in a batch of `ingest`, as the service has them unless told otherwise."""

Records = list[tuple[bytes, bytes]]


class Row(NamedTuple):
    """A line of the table: what was done, how often in a second, and against which limit."""

    what: str
    rate: float
    limit: str = ""
    ratio: float | None = None

    def cells(self) -> tuple[str, ...]:
        """As text."""
        return self.what, f"{self.rate:,.0f}", self.limit, "" if self.ratio is None else f"{self.ratio:.2f}"


def best(times: int, measure: Callable[[], float]) -> float:
    """The greatest of several rates: what else the machine did meanwhile only ever lowers one."""
    return max(measure() for _ in range(times))


def ingest_rate(store: GraphStore, records: Records) -> float:
    """Events per second of decode, fold and write, without Kafka."""
    sink = GraphSink(store, IdentityRules.of())
    began = time.perf_counter()
    for start in range(0, len(records), BATCH):
        sink.write([decode(value) for _, value in records[start : start + BATCH]])
    return len(records) / (time.perf_counter() - began)


def consume_rate(broker: KafkaBroker, topic: Topic, graph: str, after: int) -> float:
    """Events per second of the service, once so many are committed.

    Raises:
        RuntimeError: There are too few to tell.
    """
    with running(broker, topic, graph) as services:
        found = rate(list(watch(broker, topic, services)), after)
    if found is None:
        raise RuntimeError(f"{topic.sent:,} events are too few batches to measure a rate; give more --models")
    return found


def elements(store: GraphStore) -> tuple[list[Vertex], list[Edge]]:
    """All of a graph."""
    labels: dict[str, list[str]] = {"vertex": [], "edge": []}
    for element in schema.ELEMENTS:
        labels[element.kind].append(element.label)
    vertices = [vertex for label in labels["vertex"] for vertex in store.vertices(label)]
    return vertices, [edge for label in labels["edge"] for edge in store.edges(label)]


def embedded(project: Project, builds: int) -> tuple[float, float]:
    """Events per second into SQLite: of all-new models, and of rebuilds."""
    with tempfile.TemporaryDirectory() as folder, closing(SqliteStore(Path(folder) / "graph.db")) as store:
        later = chain.from_iterable(project.build(number) for number in range(1, builds + 1))
        return ingest_rate(store, list(project.build(0))), ingest_rate(store, list(later))


def all_new(broker: KafkaBroker, server: GremlinServer, project: Project, times: int) -> Iterator[Row]:
    """Models that the graph has not seen, against a bare merge of the elements that they give."""

    def once() -> float:
        server.clear()
        with Topic(broker) as topic:
            topic.send(project.build(0))
            topic.flush()
            return consume_rate(broker, topic, server.url, 0)

    events = best(times, once)
    with closing(open_gremlin(server.url)) as store:
        vertices, edges = elements(store)

    def bare() -> float:
        server.clear()
        return merge_rate(server.url, vertices, edges)

    limit = best(times, bare)
    yield Row(f"bare mergeV/mergeE of {len(vertices):,} vertices and {len(edges):,} edges", limit)
    found = events * (len(vertices) + len(edges)) / (2 * project.models + 2)
    yield Row(f"consume, all-new models: elements ({events:,.0f} events)", found, "bare merge", found / limit)


def steady(
    broker: KafkaBroker, server: GremlinServer, project: Project, builds: int, times: int, compression: str
) -> Iterator[Row]:
    """Rebuilds of known models, against a bare loop over the same topic."""
    limits: list[float] = []
    rates: list[float] = []
    codec = compression
    for turn in range(times):
        with Topic(broker, compression=compression) as topic:
            first = turn * builds
            for number in range(first, first + builds):
                topic.send(project.build(number))
            topic.flush()
            codec = topic.codec
            limits.append(read_rate(broker.bootstrap, topic.name, topic.sent))
            # A process of its own knows nothing of the graph; what follows the first build is steady.
            rates.append(consume_rate(broker, topic, server.url, topic.sent // builds))
    said = f"topic as the emitter writes it ({codec})" if compression == "auto" else "uncompressed topic"
    yield Row(f"bare kafka-python loop, {said}", max(limits))
    yield Row(f"consume, rebuilds of known models, {said}", max(rates), "bare loop", max(rates) / max(limits))


def run(models: int, builds: int, times: int) -> Iterator[Row]:
    """Measures; yields rows as they are known."""
    project = Project("bench", models)
    new, known = zip(*(embedded(project, builds) for _ in range(times)), strict=True)
    yield Row("ingest into SQLite, all-new models: events", max(new))
    yield Row("ingest into SQLite, rebuilds of known models: events", max(known))
    with ExitStack() as stack:
        broker, server = KafkaBroker(), GremlinServer("tinkergraph")
        stack.callback(broker.close)
        stack.callback(server.close)
        yield from all_new(broker, server, project, times)
        for compression in ("none", "auto"):
            server.clear()
            yield from steady(broker, server, project, builds + 1, times, compression)


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench", __doc__ or "")
    parser.add_argument("--models", type=int, default=1000, help="models of the dbt project (1000)")
    parser.add_argument("--builds", type=int, default=10, help="how often it is built again (10)")
    parser.add_argument("--times", type=int, default=2, help="how often each is measured; the best counts (2)")
    options = parser.parse_args()
    tune_gc()  # as the command line does
    rows: list[Row] = []
    for row in run(options.models, options.builds, options.times):
        rows.append(row)
        print(f"{row.what}: {row.rate:,.0f}/s", flush=True)
    report.tell("bench", report.table(HEADS, (row.cells() for row in rows)), write=options.write)


if __name__ == "__main__":
    main()
