"""`python -m bench.queries`: how long the lineage of one table or column takes, on both kinds of store.

A project of 3,000 models in ten layers: each model reads two others, and each of its columns is made from a column of
both, so that a table has up to a thousand tables and ten thousand columns upstream or downstream. Asked are 20 steps up
and 20 steps down, of the table that has most of them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from bench import report
from bench.workload import LAYERS, NAMESPACE, Project
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.lineage.identity import IdentityRules
from consumer.projection.graph_sink import GraphSink
from consumer.query.traversal.traverse import Lineage, LineageNode, lineage
from consumer.runtime import tune_gc
from schemas.decode import decode
from schemas.naming import DatasetName
from tests.support.graph.gremlin_server import GremlinServer

DEPTH = 20
HEADS = ("question, 20 steps up and down", "nodes", "links", "SQLite, ms", "Gremlin Server, ms")


class Question(NamedTuple):
    """What is asked, in words and for the program."""

    words: str
    target: LineageNode
    columns: bool = False

    def ask(self, store: GraphStore) -> Lineage:
        """The answer."""
        return lineage(store, self.target, DEPTH, DEPTH, columns=self.columns)


def seed(store: GraphStore, project: Project) -> None:
    """Fills a graph with a project, in few large batches."""
    sink, records = GraphSink(store, IdentityRules.of()), list(project.build(0))
    for start in range(0, len(records), 2000):
        sink.write([decode(value) for _, value in records[start : start + 2000]])


def questions(store: GraphStore, project: Project) -> Iterator[Question]:
    """The lineage of tables in the first, a middle and the last layer, by table and by column."""
    width = project.models // LAYERS
    for words, first in (("the first", 0), ("a middle", LAYERS // 2 * width), ("the last", (LAYERS - 1) * width)):
        tables = [LineageNode(DatasetName(NAMESPACE, project.table(model))) for model in range(first, first + width)]
        table = max(tables, key=lambda table: len(lineage(store, table, DEPTH, DEPTH).links))
        yield Question(f"a table of {words} layer", table)
        yield Question(f"a column of {words} layer", LineageNode(table.dataset, "column_03"))
        yield Question(f"all columns of a table of {words} layer", table, columns=True)


def milliseconds(store: GraphStore, question: Question, times: int) -> float:
    """The shortest of several answers: what else the machine does meanwhile only ever makes one longer."""
    took = []
    for _ in range(times):
        began = time.perf_counter()
        question.ask(store)
        took.append(time.perf_counter() - began)
    return min(took) * 1000


def run(project: Project, times: int) -> Iterator[tuple[str, ...]]:
    """Asks each question of both stores; yields rows."""
    with ExitStack() as stack:
        embedded = SqliteStore(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "graph.db")
        stack.callback(embedded.close)
        server = GremlinServer("tinkergraph")
        stack.callback(server.close)
        remote = stack.enter_context(closing(open_gremlin(server.url)))
        seed(embedded, project)
        seed(remote, project)
        for question in questions(embedded, project):
            answer = question.ask(embedded)
            took = (milliseconds(store, question, times) for store in (embedded, remote))
            yield (
                question.words,
                f"{len(answer.nodes):,}",
                f"{len(answer.links):,}",
                *(f"{found:,.1f}" for found in took),
            )


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.queries", __doc__ or "")
    parser.add_argument("--models", type=int, default=3000, help="models of the project (3000)")
    parser.add_argument("--times", type=int, default=15, help="how often each is asked; the best counts (15)")
    options = parser.parse_args()
    tune_gc()  # as all commands do
    rows = []
    for row in run(Project("bench", options.models, mixes=2), options.times):
        rows.append(row)
        print(*row, sep="  ", flush=True)
    report.tell("bench.queries", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
