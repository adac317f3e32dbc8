"""`python -m bench.telemetry`: what it takes to follow dbt v2's telemetry, without making or sending events.

The telemetry of a project of so many models is made from one that was recorded. A process reads it as the lineage
process does: it leaves out what nobody needs, parses the rest, translates it into messages, and keeps all of them, as
where there is no earlier manifest. Its CPU and memory are compared with those of the same process and an empty file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

SAMPLE = Path(__file__).parents[1] / "tests" / "data" / "dbt_v2" / "redshift" / "logs" / "otel.jsonl"
MODEL = "model.shop.orders"
LINES_PER_NODE = 15
"""As many as a real run has for each node, counted over 48 nodes; the sample has fewer, so others are repeated."""
FOLLOW = """
import json, os, resource, sys
from pathlib import Path
from emitter.runner.event_log import Reader
from emitter.runner.dbt_v2.telemetry_messages import Telemetry, is_needed
listener, wakeup = os.pipe()
os.close(wakeup)
mark = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
reader = Reader(os.open(sys.argv[1], os.O_RDONLY), listener, mark, is_needed)
telemetry, held = Telemetry(), []
for record in reader.messages():
    # Without an earlier manifest every node waits for the one that dbt writes at its end.
    held += telemetry.take(record)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([len(held), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


class Used(NamedTuple):
    """What a process took.

    Attributes:
        messages: How many it made.
        cpu_s: Seconds of CPU.
        memory_mb: Its peak.
    """

    messages: int
    cpu_s: float
    memory_mb: float


def write(path: Path, models: int) -> None:
    """Writes the telemetry of a run of so many models."""
    lines = SAMPLE.read_text().splitlines()
    own = [line for line in lines if json.loads(line)["attributes"].get("unique_id") == MODEL]
    idle = [line for line in lines if "PhaseExecuted" in line]
    padding = [idle[number % len(idle)] for number in range(max(LINES_PER_NODE - len(own), 0))]
    around = [line for line in lines if "invocation.Invocation" in line]
    with path.open("w") as file:
        print(around[0], file=file)
        for number in range(models):
            for line in (*own, *padding):
                print(line.replace(MODEL, f"model.shop.m{number:06}"), file=file)
        print(around[1], file=file)


def follow(path: Path) -> Used:
    """Follows a file in a process of its own."""
    command = [sys.executable, "-c", FOLLOW, str(path), os.fspath(path.with_suffix(".progress"))]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return Used(*json.loads(done.stdout))


def main() -> None:
    """Prints one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, nargs="+", default=[1000, 5000], help="models of the projects")
    sizes = parser.parse_args().models
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "otel.jsonl"
        path.touch()
        nothing = follow(path)
        print(f"{'models':>8} {'MB':>8} {'messages':>9} {'CPU, s':>8} {'memory, MB':>11}")
        for models in sizes:
            write(path, models)
            used = follow(path)
            cpu, memory = used.cpu_s - nothing.cpu_s, used.memory_mb - nothing.memory_mb
            megabytes = path.stat().st_size / 1e6
            print(f"{models:>8} {megabytes:>8.1f} {used.messages:>9} {cpu:>8.2f} {memory:>11.1f}")


if __name__ == "__main__":
    main()
