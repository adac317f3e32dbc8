"""`python -m bench.latency`: the service on a graph that takes time for each request, against one that takes none.

The graph is Neptune's stand-in, with TLS and signed connections. For each delay the same events are read from Kafka:
models that are all new, then rebuilds of them. With `--base` the build in another folder reads them too, in turns. The
last column compares the elements of the new models with bare merges of the same elements on one connection.
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from bench import report
from bench.__main__ import BATCH, elements
from bench.raw import merge_rate
from bench.service import Service, rate, watch
from bench.topic import Topic
from bench.workload import Project
from consumer.config.settings import CONNECTIONS
from consumer.graph.gremlin.endpoint import Address
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.gremlin.sigv4 import sigv4_headers
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from schemas.decode import decode
from tests.support.processes.servers import GremlinServer, KafkaBroker, NeptuneProxy

HEADS = (
    "build",
    "connections",
    "delay, ms",
    "rebuilds, events/s",
    "to no delay",
    "all-new, events/s",
    "requests at once",
    "elements to bare merges",
)


class Build(NamedTuple):
    """One build that is measured.

    Attributes:
        name: `new`, or `base`.
        folder: Where its packages are; None for the ones of this benchmark.
        connections: How many it has to the graph; None for a build without that setting.
    """

    name: str
    folder: Path | None
    connections: int | None


class Found(NamedTuple):
    """One run; rates are events per second.

    Attributes:
        new: Of models that the graph has not seen.
        rebuilds: Of those that it has.
        at_once: The most requests that were under way together.
    """

    new: float
    rebuilds: float
    at_once: int


def measure(
    broker: KafkaBroker, neptune: NeptuneProxy, project: Project, builds: int, build: Build, delay: int
) -> Found:
    """Measures one run of the service on an empty graph.

    Raises:
        RuntimeError: There are too few events for a rate.
    """
    neptune.clear()
    neptune.faults(delay_ms=[delay, delay])
    neptune.reset_stats()
    settings = {} if build.connections is None else {"graph_connections": build.connections}
    with Topic(broker) as topic:
        for number in range(builds):
            topic.send(project.build(number))
        topic.flush()
        once = topic.sent // builds
        with Service(broker, topic, neptune.url, folder=build.folder, **settings) as service:
            path = list(watch(broker, topic, [service]))
    new, rebuilds = rate(path, 0, once), rate(path, once)
    if new is None or rebuilds is None:
        raise RuntimeError(f"{topic.sent:,} events are too few batches to measure a rate; give more --models")
    return Found(new, rebuilds, int(neptune.stats()["concurrent"]["max"]))


def bare_rate(neptune: NeptuneProxy, project: Project, delay: int) -> tuple[float, float]:
    """Elements per second of bare merges of what the new models give, and how many these are for each event."""
    neptune.faults()
    neptune.clear()
    events = list(project.build(0))
    with closing(open_gremlin(neptune.url, connections=CONNECTIONS)) as store:
        sink = GraphSink(store, IdentityRules.of())
        for start in range(0, len(events), BATCH):
            sink.write([decode(value) for _, value in events[start : start + BATCH]])
        vertices, edges = elements(store)
    neptune.clear()
    neptune.faults(delay_ms=[delay, delay])
    address = Address.parse(neptune.url)
    signed = sigv4_headers(address, address.url)
    found = merge_rate(address.url, vertices, edges, headers=signed, ssl_options=neptune.ssl_context)
    return found, (len(vertices) + len(edges)) / len(events)


def rows(
    project: Project, builds: int, kinds: Sequence[Build], delays: Sequence[int], times: int
) -> Iterator[tuple[str, ...]]:
    """Yields the lines of the table: medians of runs in turns."""
    found: defaultdict[tuple[Build, int], list[Found]] = defaultdict(list)
    bare: defaultdict[int, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        broker, server = KafkaBroker(), GremlinServer("tinkergraph")
        stack.callback(broker.close)
        stack.callback(server.close)
        neptune = NeptuneProxy(backend=server)
        stack.callback(neptune.close)
        os.environ.update(neptune.environment_of_clients)
        for _ in range(times):
            for delay in delays:
                elements_a_second, for_each_event = bare_rate(neptune, project, delay)
                bare[delay].append(elements_a_second / for_each_event)
                print("bare merges", f"{delay} ms", f"{elements_a_second:,.0f} elements/s", flush=True)
                for build in kinds:
                    one = measure(broker, neptune, project, builds, build, delay)
                    found[build, delay].append(one)
                    print(build.name, build.connections or 1, f"{delay} ms", one, flush=True)
    for build in kinds:
        first = statistics.median(one.rebuilds for one in found[build, delays[0]])
        for delay in delays:
            yield _line(build, delay, found[build, delay], first, statistics.median(bare[delay]))


def _line(build: Build, delay: int, runs: Sequence[Found], first: float, bare: float) -> tuple[str, ...]:
    again = statistics.median(one.rebuilds for one in runs)
    new = statistics.median(one.new for one in runs)
    return (
        build.name,
        str(build.connections or 1),
        str(delay),
        f"{again:,.0f}",
        f"{again / first:.2f}",
        f"{new:,.0f}",
        str(max(one.at_once for one in runs)),
        f"{new / bare:.2f}",
    )


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.latency", __doc__ or "")
    parser.add_argument("--models", type=int, default=1_000, help="models of the project (1000)")
    parser.add_argument("--builds", type=int, default=6, help="how often it is built, the first one all-new (6)")
    parser.add_argument("--delays", type=int, nargs="+", default=[0, 20], help="ms that each request takes (0 20)")
    parser.add_argument("--connections", type=int, nargs="+", default=[4], help="connections to the graph (4)")
    parser.add_argument("--times", type=int, default=5, help="how often each is measured; the median counts (5)")
    parser.add_argument(
        "--base", type=Path, help="folder of another build, such as a worktree, measured beside this one"
    )
    options = parser.parse_args()
    kinds = [Build("base", options.base.resolve(), None)] if options.base else []
    kinds += [Build("new", None, connections) for connections in options.connections]
    found = list(rows(Project("bench", options.models), options.builds, kinds, options.delays, options.times))
    report.tell("bench.latency", report.table(HEADS, found), write=options.write)


if __name__ == "__main__":
    main()
