"""`python -m bench.ingest`: the gain by further processes of `headwater ingest`.

Files of an invented project are folded into a SQLite graph, by one process and by several, in turns: the first build,
of which all models are new, and builds after it. The rate is that of the whole command, with its start and that of its
processes, which a larger file needs as often. CPU is that of all its processes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import report
from bench.workload import Project
from consumer.runtime import default_processes

HEADS = ("file", "events", "processes", "events/s", "us of CPU for an event", "relative to one process")


class Ingested(NamedTuple):
    """Seconds and CPU of one ingest."""

    seconds: float
    cpu_s: float


def written(project: Project, builds: range, path: Path) -> int:
    """Writes builds of a project into a file of JSON lines; returns the number of events."""
    count = 0
    with path.open("wb") as file:
        for number in builds:
            for _, value in project.build(number):
                file.write(value + b"\n")
                count += 1
    return count


def ingested(file: Path, graph: Path, processes: int) -> Ingested:
    """Runs the command."""
    headwater = Path(sys.executable).with_name("headwater")
    options = ["--graph", f"sqlite:///{graph}", "--processes", str(processes)]
    before, began = os.times(), time.perf_counter()
    subprocess.run([headwater, "ingest", file, *options], check=True, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Ingested(seconds, used)


def run(models: int, builds: int, counts: list[int], times: int) -> Iterator[tuple[str, ...]]:
    """Measures both files with each number of processes; yields rows."""
    project = Project("bench", models)
    with tempfile.TemporaryDirectory() as folder:
        first, later, filled = Path(folder, "first"), Path(folder, "later"), Path(folder, "filled.db")
        events = {
            "all-new models": (first, written(project, range(1), first), None),
            f"{builds} rebuilds of them": (later, written(project, range(1, builds + 1), later), filled),
        }
        ingested(first, filled, 1)
        for words, (file, count, start) in events.items():
            took: dict[int, list[Ingested]] = {processes: [] for processes in counts}
            for _ in range(times):
                for processes, of_one in took.items():
                    graph = Path(folder, "graph.db")
                    if start is not None:
                        shutil.copyfile(start, graph)
                    of_one.append(ingested(file, graph, processes))
                    graph.unlink()
            alone = statistics.median(one.seconds for one in took[counts[0]])
            for processes, of_one in took.items():
                seconds = statistics.median(one.seconds for one in of_one)
                cpu_us = statistics.median(one.cpu_s for one in of_one) / count * 1e6
                rate, ratio = f"{count / seconds:,.0f}", f"{alone / seconds:.2f}"
                yield words, f"{count:,}", str(processes), rate, f"{cpu_us:,.0f}", ratio


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = report.parser("bench.ingest", __doc__ or "")
    parser.add_argument("--models", type=int, default=5_000, help="models of the project (5000)")
    parser.add_argument("--builds", type=int, default=5, help="how often they are built again (5)")
    parser.add_argument("--times", type=int, default=3, help="how often each is measured; the median counts (3)")
    options = parser.parse_args()
    rows = []
    for row in run(options.models, options.builds, sorted({1, 2, default_processes()}), options.times):
        rows.append(row)
        print(*row, sep="  ", flush=True)
    report.tell("bench.ingest", report.table(HEADS, rows), write=options.write)


if __name__ == "__main__":
    main()
