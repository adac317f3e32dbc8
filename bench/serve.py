"""`python -m bench.serve`: percentiles of queries and of ingest over HTTP, on a project of 3,000 models in SQLite.

`headwater serve` runs as a process. Each query is asked of many tables in turn by one client, then by 50 at once; the
same lineage is also asked in process, for the ratio. Ingest is that of 32 clients at once, into the graph.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx

from bench import report
from bench.queries import seed
from bench.workload import LAYERS, NAMESPACE, Project
from consumer.graph.sqlite_store import SqliteStore
from consumer.query.resolve import LineageNode
from consumer.query.traversal.traverse import lineage
from consumer.render import lineage_formats
from schemas.naming import DatasetName
from tests.support.api.serving import ServeProcess

HEADS = ("request", "p50, ms", "p95, ms", "p99, ms", "per second")
READERS, SENDERS = 50, 32
NATIVE, MARQUEZ = "/api/v2", "/api/v1"


def percentile(sorted_ms: Sequence[float], share: float) -> float:
    """The value that a share of the values does not exceed."""
    return sorted_ms[min(len(sorted_ms) - 1, int(len(sorted_ms) * share))]


def row(name: str, seconds: Sequence[float], elapsed: float) -> tuple[str, ...]:
    """A row of the table."""
    found = sorted(one * 1000 for one in seconds)
    shares = (f"{percentile(found, share):,.1f}" for share in (0.5, 0.95, 0.99))
    return (name, *shares, f"{len(found) / elapsed:,.0f}")


def timed(calls: Sequence[Callable[[], object]], workers: int) -> tuple[list[float], float]:
    """Seconds of each call, and of all."""

    def one(call: Callable[[], object]) -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        took = list(pool.map(one, calls))
    return took, time.perf_counter() - began


def get(client: httpx.Client, path: str, **parameters: str | int) -> Callable[[], object]:
    """A query, which has to be answered with 200."""

    def call() -> None:
        headers = {"Accept": "text/csv"} if path.endswith("/impact") else {}
        client.get(path, params=parameters, headers=headers).raise_for_status()

    return call


def queries(client: httpx.Client, project: Project, times: int) -> Iterator[tuple[str, list[Callable[[], object]]]]:
    """The queries by name, each of tables of a middle layer."""
    width = project.models // LAYERS
    names = [project.table(LAYERS // 2 * width + number % width) for number in range(times)]
    yield "search", [get(client, f"{NATIVE}/search", q=name.rpartition("_")[2]) for name in names]
    yield "describe", [get(client, f"{NATIVE}/dataset", node=f"{NAMESPACE}/{name}") for name in names]
    for depth in (3, 20):
        asked = [
            get(client, f"{NATIVE}/lineage", node=f"{NAMESPACE}/{name}", upstream=depth, downstream=depth)
            for name in names
        ]
        yield f"lineage, depth {depth}", asked
    yield "impact as CSV", [get(client, f"{NATIVE}/impact", node=f"{NAMESPACE}/{name}") for name in names]


def marquez(client: httpx.Client, project: Project) -> list[Callable[[], object]]:
    """Marquez's lineage: an answer has megabytes, since each node comes with its latest run and all facets."""
    width = project.models // LAYERS
    names = [project.table(LAYERS // 2 * width + number) for number in range(10)]
    return [get(client, f"{MARQUEZ}/lineage", nodeId=f"dataset:{NAMESPACE}:{name}", depth=20) for name in names]


def in_process(store: SqliteStore, project: Project, times: int) -> list[Callable[[], object]]:
    """The same lineage of depth 20 as `headwater lineage` answers it, as JSON and without HTTP."""
    width = project.models // LAYERS
    names = [project.table(LAYERS // 2 * width + number % width) for number in range(times)]

    def call(name: str) -> Callable[[], object]:
        return lambda: lineage_formats.json(lineage(store, LineageNode(DatasetName(NAMESPACE, name)), 20, 20))

    return [call(name) for name in names]


def ingest(client: httpx.Client, project: Project, times: int) -> list[Callable[[], object]]:
    """Events of one more build of the project."""
    values = [value for _, value in project.build(1)][:times]

    def call(value: bytes) -> Callable[[], object]:
        return lambda: client.post("/api/v1/lineage", content=value).raise_for_status()

    return [call(value) for value in values]


def run(project: Project, times: int) -> Iterator[tuple[str, ...]]:
    """Yields the rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.db"
        with closing(SqliteStore(file)) as store:
            seed(store, project)
            alone, _ = timed(in_process(store, project, times), 1)
        server = ServeProcess(Path(folder), "--graph", f"sqlite:///{file}", "--log-level", "error")
        try:
            limits = httpx.Limits(max_connections=READERS)
            with httpx.Client(base_url=server.url, timeout=120, limits=limits) as client:
                get(client, f"{NATIVE}/search", q="model")()
                for name, calls in queries(client, project, times):
                    took, elapsed = timed(calls, 1)
                    yield row(name, took, elapsed)
                    if name == "lineage, depth 20":
                        ratio = statistics.median(took) / statistics.median(alone)
                        yield (f"{name}, against in process", f"{ratio:.2f} x", "", "", "")
                yield row("Marquez's lineage, depth 20", *timed(marquez(client, project), 1))
                for name, calls in queries(client, project, times):
                    yield row(f"{name}, {READERS} clients", *timed(calls, READERS))
                yield row(f"ingest, {SENDERS} clients", *timed(ingest(client, project, times * 10), SENDERS))
        finally:
            server.stop()


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.serve", __doc__ or "")
    parser.add_argument("--models", type=int, default=3000, help="models of the project (3000)")
    parser.add_argument("--times", type=int, default=200, help="how often each is asked (200)")
    options = parser.parse_args()
    rows = []
    for found in run(Project("bench", options.models, mixes=2), options.times):
        rows.append(found)
        print(*found, sep="  ", flush=True)
    report.tell("bench.serve", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
