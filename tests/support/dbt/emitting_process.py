"""A process that emits events as dbt-ol does, for tests that break what is around it. As a script it is that process.

It says each event's number on its stdout once `emit` has returned, then "done", and ends with EXIT_CODE: these stand
for dbt's own stdout and exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.facet_v2 import sql_job
from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Transport

TYPE = "emitter.transport.KafkaTransport"
EXIT_CODE = 3
ROOT = Path(__file__).parents[3]
SUMMARY = re.compile(
    r"headwater: OpenLineage events: (\d+) sent, (\d+) waiting, (\d+) quarantined(?:, (\d+) lost)?(.*)"
)


def event(number: int, run: str, sql_bytes: int = 4000, name_bytes: int = 0) -> RunEvent:
    """Event `number` of a run; there are two keys."""
    facets: dict[str, Any] = {"sql": sql_job.SQLJobFacet(query="x" * sql_bytes)}
    return RunEvent(
        eventType=RunState.START,
        eventTime="2026-01-01T00:00:00Z",
        run=Run(runId=str(uuid.UUID(int=number))),
        job=Job(f"guest-{run}", f"job-{number % 2}{'n' * name_bytes}", facets=facets),
    )


class _Kept(Transport):
    """A transport that keeps what OpenLineage's client gives it."""

    kind = "kept"

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def emit(self, event: Any) -> None:
        self.values.append(Serde.to_json(event).encode())


def expected(count: int, run: str, **sizes: int) -> list[bytes]:
    """The bytes of a run's events as OpenLineage's client completes them, in the order in which they were emitted."""
    kept = _Kept()
    client = OpenLineageClient(transport=kept)
    for number in range(count):
        client.emit(event(number, run, **sizes))
    return kept.values


@dataclass(frozen=True)
class Outcome:
    """How a guest ended: exit code, what it said, the summary's numbers."""

    code: int
    stdout: str
    stderr: str
    sent: int = -1
    waiting: int = -1
    quarantined: int = -1
    lost: int = -1
    reasons: str = ""

    @property
    def numbers(self) -> list[int]:
        """The events whose `emit` had returned."""
        return [int(line) for line in self.stdout.split() if line.isdigit()]


class Guest:
    """A running guest.

    Args:
        transport: Settings besides the type.
        spool: The spool's folder.
        count: How many events it emits.
        run: Its run's name.
        hold: Whether it waits before its end until `release`.
        options: `clock` (seconds to add to the time), `no_kafka`, `file_limit` (bytes), `sql_bytes`, `name_bytes`,
            `pause_after` (the event after which it waits for `go_on`), `until` (a part of the summary that it waits for
            before its end).
    """

    def __init__(
        self,
        transport: Mapping[str, Any],
        spool: Path,
        count: int = 10,
        run: str = "a",
        *,
        hold: bool = False,
        environ: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENLINEAGE", "HEADWATER"))}
        settings = json.dumps({"type": TYPE, "close_timeout": 2, **transport})
        plan = json.dumps({"count": count, "run": run, "hold": hold, **options})
        self._process = subprocess.Popen(
            [sys.executable, __file__, plan],
            env={
                **kept,
                "PYTHONPATH": str(ROOT),
                "OPENLINEAGE__TRANSPORT": settings,
                "HEADWATER_SPOOL_DIR": str(spool),
                **(environ or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # so that nothing is read ahead of what `end` collects
        )
        self._read: list[str] = []

    def await_event(self, number: int) -> None:
        """Returns when `emit` has returned for an event."""
        assert self._process.stdout
        while f"{number}\n" not in self._read:
            line = self._process.stdout.readline().decode()
            assert line, f"the guest ended: {self._process.communicate()[1].decode()}"
            self._read.append(line)

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    def go_on(self) -> None:
        """Lets a guest go on that has paused after an event."""
        assert self._process.stdin
        self._process.stdin.write(b"\n")

    def release(self) -> None:
        """Lets a held guest go on to its end."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.stdin = None

    def end(self, timeout: float = 120) -> Outcome:
        """Waits for its end and tells how that was.

        Raises:
            subprocess.TimeoutExpired: It did not end: a broker that never answers held it up.
        """
        rest, stderr = (output.decode() for output in self._process.communicate(timeout=timeout))
        numbers: dict[str, Any] = {}
        if found := SUMMARY.search(stderr):
            sent, waiting, quarantined, lost = (int(text or 0) for text in found.groups()[:4])
            numbers |= {"sent": sent, "waiting": waiting, "quarantined": quarantined, "lost": lost, "reasons": found[5]}
        return Outcome(self._process.returncode, "".join(self._read) + rest, stderr, **numbers)


def spool(transport: Mapping[str, Any], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `headwater-dbt spool ARGUMENTS`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENLINEAGE", "HEADWATER"))}
    settings = json.dumps({"type": TYPE, **transport})
    return subprocess.run(
        [sys.executable, "-c", "import sys; from emitter.cli.main import main; sys.exit(main())", "spool", *arguments],
        env={
            **kept,
            "PYTHONPATH": str(ROOT),
            "OPENLINEAGE__TRANSPORT": settings,
            "HEADWATER_SPOOL_DIR": str(folder),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def by_key(values: Sequence[bytes]) -> dict[str, list[bytes]]:
    """First arrivals of each event, by their job, which is their key, in order: at least once is what is promised."""
    found: dict[str, list[bytes]] = {}
    for value in dict.fromkeys(values):
        job = json.loads(value)["job"]
        found.setdefault(f"{job['namespace']}/{job['name']}", []).append(value)
    return found


def _prepare(plan: Mapping[str, Any]) -> None:
    """Breaks what the plan says, before anything of the emitter is imported."""
    if "clock" in plan:
        real = time.time
        time.time = lambda: real() + plan["clock"]
    if plan.get("no_kafka"):
        sys.modules["kafka"] = None  # type: ignore[assignment]
    if plan.get("file_limit"):
        import resource  # noqa: PLC0415 # not on all systems

        resource.setrlimit(resource.RLIMIT_FSIZE, (plan["file_limit"], resource.RLIM_INFINITY))


def main() -> int:
    """Emits by the plan."""
    plan = json.loads(sys.argv[1])
    _prepare(plan)
    sizes = {name: plan[name] for name in ("sql_bytes", "name_bytes") if name in plan}
    client = OpenLineageClient()
    for number in range(plan["count"]):
        client.emit(event(number, plan["run"], **sizes))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if plan.get("pause_after") == number:
            sys.stdin.readline()
    if plan["hold"]:
        sys.stdin.read()
    transport: Any = client.transport
    while "until" in plan and plan["until"] not in transport.summary():
        time.sleep(0.02)
    client.close(timeout=30)
    sys.stdout.write("done\n")
    return EXIT_CODE


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
