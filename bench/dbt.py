"""What lineage costs and gives: `dbt`, `dbt-ol` and `headwater-dbt` build both IMDb projects; prints a Markdown table.

`python -m bench.dbt [REPETITIONS]`; the time is the least of them, the rest is of the last.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes.servers import DbtEngines

PROGRAMS = ("dbt", "dbt-ol", "headwater-dbt")
PROJECTS = ("imdb_athena", "imdb_redshift")
COLUMNS = ("project", "program", "wall time, s", "over dbt, s", "events", "KB", "edges", "column edges")


@dataclass
class Measured:
    """One program on one project.

    Attributes:
        seconds: From its start to its end, lineage included.
        events: How many were sent.
        size: Their bytes.
        edges: Current dataset edges of the graph that they give.
        column_edges: Current column edges of it.
    """

    seconds: float
    events: int = 0
    size: int = 0
    edges: int = 0
    column_edges: int = 0


def _command(program: str) -> str:
    return str(Path(sys.executable).with_name(program))


def _graph(log: Path, environment: dict[str, str]) -> dict[str, list[object]]:
    url = f"sqlite:///{log.with_suffix('.db')}"
    ingest = [_command("headwater"), "ingest", str(log), "--graph", url]
    subprocess.run(ingest, env=environment, check=True, capture_output=True)
    export = [_command("headwater"), "export", "--graph", url, "--format", "json"]
    return dict(json.loads(subprocess.run(export, env=environment, check=True, capture_output=True).stdout))


def measure(engines: DbtEngines, name: str, program: str) -> Measured:
    """Builds a fresh copy of a project with a program."""
    with tempfile.TemporaryDirectory() as folder:
        project = engines.copy_project(name, Path(folder))
        log = project / "events.jsonl"
        transport = {"type": "file", "log_file_path": str(log), "append": True}
        environment = engines.environment_of(project, {"OPENLINEAGE__TRANSPORT": json.dumps(transport)})
        start = time.perf_counter()
        subprocess.run([_command(program), "build"], cwd=project, env=environment, check=True, capture_output=True)
        seconds = time.perf_counter() - start
        if not log.exists():
            return Measured(seconds)
        graph, content = _graph(log, environment), log.read_bytes()
    edges, column_edges = len(graph["dataset_edges"]), len(graph["column_edges"])
    return Measured(seconds, content.count(b"\n"), len(content), edges, column_edges)


def compare(engines: DbtEngines, name: str, repetitions: int) -> None:
    """Prints the rows of one project; the programs take turns, so that a busy moment is nobody's alone."""
    found: dict[str, Measured] = {}
    for _ in range(repetitions):
        for program in PROGRAMS:
            now = measure(engines, name, program)
            now.seconds = min(now.seconds, found[program].seconds if program in found else now.seconds)
            found[program] = now
    for program, row in found.items():
        over = f"{row.seconds - found['dbt'].seconds:+.1f}"
        numbers = (f"{row.seconds:.1f}", over, row.events, round(row.size / 1000), row.edges, row.column_edges)
        print("|", " | ".join(map(str, [name, f"`{program}`", *numbers])), "|", flush=True)


def main(repetitions: int) -> None:
    """Prints the table."""
    engines = DbtEngines()
    try:
        print("|", " | ".join(COLUMNS), "|\n|" + "---|" * 2 + "--:|" * (len(COLUMNS) - 2))
        for name in PROJECTS:
            compare(engines, name, repetitions)
    finally:
        engines.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
