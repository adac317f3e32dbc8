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
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import urllib3

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
JSON = {"Content-Type": "application/json"}


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


def get(client: urllib3.HTTPConnectionPool, path: str, **parameters: str | int) -> Callable[[], object]:
    """A query, which has to be answered with 200."""
    headers = {"Accept": "text/csv"} if path.endswith("/impact") else {}
    target = f"{path}?{urlencode(parameters)}"
    return lambda: answered(client.request("GET", target, headers=headers))


def answered(response: urllib3.BaseHTTPResponse) -> bytes:
    """Returns the body of an answer.

    Raises:
        RuntimeError: The server did not answer with 2xx.
    """
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        raise RuntimeError(f"{response.status}: {response.data[:500]!r}")
    return response.data


def queries(
    client: urllib3.HTTPConnectionPool, project: Project, times: int
) -> Iterator[tuple[str, list[Callable[[], object]]]]:
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


def marquez(client: urllib3.HTTPConnectionPool, project: Project) -> list[Callable[[], object]]:
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


def against_in_process(calls: Sequence[Callable[[], object]], file: Path, project: Project) -> float:
    """Returns the ratio of the medians of queries over HTTP and of the same in process, asked in turns."""
    with closing(SqliteStore(file)) as store:
        alone = in_process(store, project, len(calls))
        took, _ = timed([call for pair in zip(calls, alone, strict=True) for call in pair], 1)
    return statistics.median(took[::2]) / statistics.median(took[1::2])


def ingest(client: urllib3.HTTPConnectionPool, project: Project, times: int) -> list[Callable[[], object]]:
    """Events of one more build of the project."""
    values = [value for _, value in project.build(1)][:times]

    def call(value: bytes) -> Callable[[], object]:
        return lambda: answered(client.request("POST", "/api/v1/lineage", body=value, headers=JSON))

    return [call(value) for value in values]


def run(project: Project, times: int) -> Iterator[tuple[str, ...]]:
    """Yields the rows."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "graph.db"
        with closing(SqliteStore(file)) as store:
            seed(store, project)
        server = ServeProcess(Path(folder), "--graph", f"sqlite:///{file}", "--log-level", "error")
        try:
            # Not httpx, which takes a millisecond of its own for an answer of 100 KB.
            with urllib3.connection_from_url(
                server.url, maxsize=READERS, block=True, timeout=120, retries=False
            ) as client:
                get(client, f"{NATIVE}/search", q="model")()
                for name, calls in queries(client, project, times):
                    took, elapsed = timed(calls, 1)
                    yield row(name, took, elapsed)
                    if name == "lineage, depth 20":
                        ratio = against_in_process(calls, file, project)
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
