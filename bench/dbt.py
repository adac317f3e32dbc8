"""`python -m bench.dbt [ROUNDS]`: what lineage costs and gives where `dbt`, `dbt-ol` or `headwater-dbt` build projects.

The programs take turns, in one order and then in the other, after a round that does not count. Times are the least of
all rounds. The excess over `dbt` is the difference of these, and in brackets the median of the differences. CPU is that
of all processes of a program. With `--base`, `headwater-dbt` of another checkout takes part. Python's bytecode is on
disk, as it is where pip has installed packages.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench import report
from tests.support.processes.servers import DbtEngines

PROJECTS = ("imdb_athena", "imdb_redshift")
HEADS = (
    "project and program",
    "wall, s",
    "over dbt",
    "CPU, s",
    "over dbt",
    "events",
    "KB",
    "edges",
    "column edges",
)
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


class Used(NamedTuple):
    """What one run of a program took: seconds from its start to its end, and seconds of CPU of all its processes."""

    wall_s: float
    cpu_s: float


@dataclass
class Program:
    """One program on one project.

    Attributes:
        name: The name of its row.
        path: Its file.
        used: What it took in each round.
        given: Events, their bytes, current dataset edges and column edges of the last round.
    """

    name: str
    path: Path
    used: list[Used] = field(default_factory=list)
    given: tuple[int, int, int, int] = (0, 0, 0, 0)


def _programs(base: Path | None, *, dbt_ol: bool) -> list[Program]:
    here = Path(sys.executable).parent
    names = ("dbt", "dbt-ol", "headwater-dbt") if dbt_ol else ("dbt", "headwater-dbt")
    found = [Program(f"`{name}`", here / name) for name in names]
    if base is not None:
        found.append(Program(f"`headwater-dbt` of {base.name}", base / ".venv" / "bin" / "headwater-dbt"))
    return found


def _graph(log: Path, environment: dict[str, str]) -> dict[str, list[object]]:
    headwater, url = str(Path(sys.executable).with_name("headwater")), f"sqlite:///{log.with_suffix('.db')}"
    ingest = [headwater, "ingest", str(log), "--graph", url]
    subprocess.run(ingest, env=environment, check=True, capture_output=True)
    export = [headwater, "export", "--graph", url, "--format", "json"]
    return dict(json.loads(subprocess.run(export, env=environment, check=True, capture_output=True).stdout))


def _run(command: list[str], project: Path, environment: dict[str, str]) -> Used:
    """Runs a program to its end.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    start = time.perf_counter()
    with (project / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    wall_s, process.returncode = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, (project / "output").read_text())
    return Used(wall_s, usage.ru_utime + usage.ru_stime)


def measure(engines: DbtEngines, name: str, program: Program) -> Used:
    """Builds a fresh copy of a project with a program."""
    with tempfile.TemporaryDirectory() as folder:
        project = engines.copy_project(name, Path(folder))
        log = project / "events.jsonl"
        transport = {"type": "file", "log_file_path": str(log), "append": True}
        environment = engines.environment_of(project, {"OPENLINEAGE__TRANSPORT": json.dumps(transport)})
        environment.pop(_NO_BYTECODE, None)
        used = _run([str(program.path), "build"], project, environment)
        if log.exists():
            graph, content = _graph(log, environment), log.read_bytes()
            edges = len(graph["dataset_edges"]), len(graph["column_edges"])
            program.given = (content.count(b"\n"), round(len(content) / 1000), *edges)
    return used


def compare(
    engines: DbtEngines, name: str, rounds: int, base: Path | None, *, dbt_ol: bool = True
) -> list[tuple[object, ...]]:
    """The rows of one project."""
    programs = _programs(base, dbt_ol=dbt_ol)
    for number in range(rounds + 1):
        for program in programs if number % 2 else reversed(programs):
            used = measure(engines, name, program)
            print(name, program.name, f"{used.wall_s:.1f} s, CPU {used.cpu_s:.1f} s", file=sys.stderr, flush=True)
            if number:
                program.used.append(used)
    return [(f"{name}, {program.name}", *_seconds(program, programs[0]), *program.given) for program in programs]


def _seconds(program: Program, dbt: Program) -> list[str]:
    cells = []
    for kind in Used._fields:
        own, other = ([getattr(used, kind) for used in found.used] for found in (program, dbt))
        least, median = min(own) - min(other), statistics.median(map(float.__sub__, own, other))
        cells += [f"{min(own):.1f}", f"{least:+.1f} ({median:+.1f})"]
    return cells


def main() -> None:
    """Runs the benchmark and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.dbt", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("rounds", nargs="?", type=int, default=5, help="rounds that count (5)")
    parser.add_argument("--base", type=Path, help="a checkout with its .venv, whose headwater-dbt takes part")
    parser.add_argument("--only", choices=PROJECTS, help="one project alone")
    parser.add_argument("--without-dbt-ol", action="store_true", help="leave dbt-ol out")
    options = parser.parse_args()
    engines, rows = DbtEngines(), []
    try:
        for name in PROJECTS:
            if options.only in (None, name):
                rows += compare(engines, name, options.rounds, options.base, dbt_ol=not options.without_dbt_ol)
    finally:
        engines.close()
    print(report.table(HEADS, rows))


if __name__ == "__main__":
    main()
