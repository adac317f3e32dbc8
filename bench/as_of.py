"""`python -m bench.as_of`: the cost of lineage as of a moment, next to the same question about the present.

A project of 3,000 models was built 100 times, and half-way through each 50th model began to read other tables. Asked is
for the lineage of a table of each of three layers, some and all steps up and down: of the present, and as of moments
before and after that change. Each question is asked again on an open graph, as a command or a request does. Times are
those of the processor, of answers that alternate; the ratio is that of their medians.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import report
from bench.workload import LAYERS, NAMESPACE, START, Project
from consumer.graph import format_version
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.history.past_graph import as_of
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from consumer.query.traversal.traverse import LineageNode, lineage
from schemas.decode import decode
from schemas.naming import DatasetName
from schemas.timestamps import canonical_time
from tests.support.graph.gremlin_server import GremlinServer

HEADS = ("lineage of a table of", "steps", "nodes", "moment", "now, ms", "as of, ms", "ratio")
EACH = 50
"""Of so many models one changes."""
STEPS = (1, 3, 20)
BATCH = 2_000


class Changed(Project):
    """A project of which some models read other tables than before."""

    def parents(self, model: int) -> list[str]:
        """Returns the tables that a model reads."""
        width = max(self.models // LAYERS, 1)
        found = super().parents(model)
        if model % EACH or model < width:
            return found
        first = (model // width - 1) * width
        return [self.table(first + (first + model) % width), *found[1:]]


def fill(store: GraphStore, models: int, builds: int) -> None:
    """Fills a graph with a project and its history."""
    format_version.claim(store)
    sink = GraphSink(store, IdentityRules.of())
    for number in range(builds):
        kind = Changed if number >= builds // 2 else Project
        records = list(kind("bench", models, mixes=2).build(number))
        for start in range(0, len(records), BATCH):
            sink.write([decode(value) for _, value in records[start : start + BATCH]])


class Moment(NamedTuple):
    """A moment that is asked for, in words and as events have it."""

    words: str
    time: str


def moments(builds: int) -> list[Moment]:
    """Returns the moments: after each of some builds."""
    numbers = {"before the change": builds // 4, "after the change": builds * 3 // 4}
    return [Moment(words, _after(number)) for words, number in numbers.items()]


def _after(build: int) -> str:
    return canonical_time((START + timedelta(hours=build, minutes=59, seconds=30)).isoformat())


def cpu_ms(ask: Callable[[], object]) -> float:
    """Returns the milliseconds of processor time that an answer takes."""
    began = time.process_time()
    ask()
    return (time.process_time() - began) * 1000


def run(store: GraphStore, models: int, builds: int, times: int) -> Iterator[tuple[str, ...]]:
    """Asks each question; yields rows."""
    width = models // LAYERS
    for words, first in (
        ("the first layer", 0),
        ("a middle layer", LAYERS // 2 * width),
        ("the last layer", models - width),
    ):
        node = LineageNode(DatasetName(NAMESPACE, Project("bench", models).table(first)))
        for steps in STEPS:
            found = lineage(store, node, steps, steps)
            for moment in moments(builds):
                yield (
                    words,
                    str(steps),
                    f"{len(found.nodes):,}",
                    moment.words,
                    *_compared(store, node, steps, moment, times),
                )


def _compared(store: GraphStore, node: LineageNode, steps: int, moment: Moment, times: int) -> tuple[str, str, str]:
    now: list[float] = []
    then: list[float] = []

    def past() -> None:
        with closing(as_of(store, moment.time)) as graph:
            lineage(graph, node, steps, steps)

    for _ in range(times):
        now.append(cpu_ms(lambda: lineage(store, node, steps, steps)))
        then.append(cpu_ms(past))
    return f"{median(now):,.1f}", f"{median(then):,.1f}", f"{median(then) / median(now):,.1f}"


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.as_of", __doc__ or "")
    parser.add_argument("--models", type=int, default=3000, help="models of the project (3000)")
    parser.add_argument("--runs", type=int, default=100, help="how often it was built (100)")
    parser.add_argument("--times", type=int, default=5, help="how often each is asked (5)")
    parser.add_argument("--gremlin", action="store_true", help="ask a Gremlin Server instead of SQLite")
    parser.add_argument("--file", type=Path, help="a SQLite file to fill, or to ask if it is there")
    options = parser.parse_args()
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = options.file or folder / "graph.db"
        is_new = options.gremlin or not path.exists()
        if options.gremlin:
            server = GremlinServer("tinkergraph")
            stack.callback(server.close)
            store: GraphStore = stack.enter_context(closing(open_gremlin(server.url)))
        else:
            store = stack.enter_context(closing(SqliteStore(path)))
        if is_new:
            fill(store, options.models, options.runs)
        for row in run(store, options.models, options.runs, options.times):
            rows.append(row)
            print(*row, sep="  ", flush=True)
    report.tell("bench.as_of", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
