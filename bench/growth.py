"""`python -m bench.growth`: the steady rate on graphs of very different sizes, and with two processes against one.

A graph of each size holds one project that is the same in all of them, and as many models beside it as it takes. A new
process, which knows nothing of the graph, reads rebuilds from Kafka: during the first one it has to ask the graph for
what it holds (cold), after that it knows it, as far as its caches reach (warm). First the one project is rebuilt, then
all the others, which at the largest size are more than the caches hold.

Of two partitions, one process and two write to one server, and then to SQLite files of their own, where no graph bounds
them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench import report
from bench.service import rate, running, watch
from bench.topic import Topic
from bench.workload import Project
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from schemas.decode import decode
from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.graph.gremlin_server import GremlinServer

HEADS = ("graph of", "elements", "models", "processes", "cold, events/s", "warm, events/s", "ratio")
ELEMENTS_PER_MODEL = 52
SEED_BATCH = 2_000
HEAP = "-XX:TieredStopAtLevel=1 -Xmx6g"
"""Options of the server's JVM: as for tests, with room for 10^6 elements."""


class Plan(NamedTuple):
    """How much is measured: at least so many events after the first build, so many times over."""

    events: int
    times: int


class Row(NamedTuple):
    """A line of the table; rates are events per second, `ratio` is that of the warm one to the first line's kind."""

    graph: str
    elements: int
    models: int
    processes: int
    cold: float | None
    warm: float
    ratio: float | None = None

    def cells(self) -> tuple[str, ...]:
        """As text."""
        rates = ("" if value is None else f"{value:,.0f}" for value in (self.cold, self.warm))
        counts = (f"{value:,}" for value in (self.elements, self.models, self.processes))
        return self.graph, *counts, *rates, "" if self.ratio is None else f"{self.ratio:.2f}"


def seed(server: GremlinServer, projects: list[Project]) -> int:
    """Fills the graph, in large batches, without Kafka; returns how many elements it has."""
    with closing(open_gremlin(server.url)) as store:
        sink = GraphSink(store, IdentityRules.of())
        for project in projects:
            batch = []
            for _, value in project.build(0):
                batch.append(decode(value))
                if len(batch) == SEED_BATCH:
                    sink.write(batch)
                    batch = []
            sink.write(batch)
    return sum(int(server.query(f"g.{kind}().count()")[0]) for kind in "VE")


class Rates(NamedTuple):
    """Events per second of rebuilds: during the first one that a process sees, if that can be told, and after it."""

    cold: float | None
    warm: float


def rebuild(broker: KafkaBroker, projects: list[Project], plan: Plan, graphs: Callable[[], Sequence[str]]) -> Rates:
    """Rebuilds projects, each in a partition of its own, several times over; gives the best rates.

    Args:
        broker: The broker.
        projects: The projects.
        plan: How much is measured.
        graphs: Returns the graph of each process.

    Raises:
        RuntimeError: There are too few events to tell.
    """
    once = sum(2 * project.models + 2 for project in projects)
    builds = 1 + max(1, -(-plan.events // once))
    found: list[Rates] = []
    for turn in range(plan.times):
        with Topic(broker, partitions=len(projects)) as topic:
            for number in range(builds):
                for partition, project in enumerate(projects):
                    topic.send(project.build(1 + turn * builds + number), partition)
            topic.flush()
            with running(broker, topic, *graphs()) as services:
                path = list(watch(broker, topic, services))
        warm = rate(path, once)
        if warm is None:
            raise RuntimeError(f"{topic.sent:,} events are too few to measure a rate; give more --events")
        found.append(Rates(rate(path, 0, once), warm))
    colds = [rates.cold for rates in found if rates.cold is not None]
    return Rates(max(colds, default=None), max(rates.warm for rates in found))


def sizes(broker: KafkaBroker, wanted: list[int], plan: Plan) -> Iterator[Row]:
    """The rate of one process on graphs of different sizes."""
    least = max(min(wanted, default=0) // ELEMENTS_PER_MODEL, 10)
    first: float | None = None
    for size in wanted:
        server = GremlinServer("tinkergraph")
        try:
            same, others = Project("bench", least), Project("others", max(size // ELEMENTS_PER_MODEL - least, 0))
            elements = seed(server, [same, others] if others.models else [same])
            for what, project in ((f"{size:,}", same), (f"{size:,}, the rest of it", others)):
                if project.models:
                    cold, warm = rebuild(broker, [project], plan, partial(list, [server.url]))
                    first = first or warm
                    yield Row(what, elements, project.models, 1, cold, warm, warm / first)
        finally:
            server.close()


def processes(broker: KafkaBroker, models: int, plan: Plan) -> Iterator[Row]:
    """The rate of one and of two processes over a topic of two partitions: on one graph, and on one graph for each."""
    server = GremlinServer("tinkergraph")
    with ExitStack() as stack:
        stack.callback(server.close)
        projects = [Project("left", models), Project("right", models)]
        elements = seed(server, projects)
        folders = (Path(stack.enter_context(TemporaryDirectory())) for _ in count())
        kinds: dict[str, Callable[[int], list[str]]] = {
            "two partitions": lambda number: [server.url] * number,
            "two partitions, SQLite": lambda number: [f"sqlite:///{next(folders) / 'graph.db'}" for _ in range(number)],
        }
        for kind, graphs in kinds.items():
            first = None
            for number in (1, 2):
                _, warm = rebuild(broker, projects, plan, partial(graphs, number))
                first = first or warm
                yield Row(kind, elements, 2 * models, number, None, warm, warm / first)


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.growth", __doc__ or "")
    parser.add_argument(
        "--sizes",
        type=float,
        nargs="*",
        default=[1e4, 1e5, 1e6],
        help="elements (1e4 1e5 1e6); none for partitions alone",
    )
    parser.add_argument("--events", type=int, default=10_000, help="events after the first build, at least (10000)")
    parser.add_argument("--models", type=int, default=500, help="models in each of two partitions (500)")
    parser.add_argument("--times", type=int, default=2, help="how often each is measured; the best counts (2)")
    options = parser.parse_args()
    plan = Plan(options.events, options.times)
    os.environ.setdefault("GREMLIN_JVM", HEAP)
    rows = []
    with ExitStack() as stack:
        broker = KafkaBroker()
        stack.callback(broker.close)
        measured = (
            sizes(broker, [int(size) for size in options.sizes], plan),
            processes(broker, options.models, plan),
        )
        for row in (row for part in measured for row in part):
            rows.append(row)
            print(*row.cells(), sep="  ", flush=True)
    report.tell("bench.growth", report.table(HEADS, (row.cells() for row in rows)), write=options.write)


if __name__ == "__main__":
    main()
