"""`headwater consume` as a process, watched from outside: how far it has committed, and what it holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

from bench.topic import Committed, Topic
from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.processes.server_process import tail

HEADWATER = Path(sys.executable).with_name("headwater")
MAIN = """
try:
    from consumer.cli.entry import main
except ModuleNotFoundError:
    from consumer.entry import main
main()
"""
"""The command of a build in a folder; that of cf26dd2 was elsewhere."""

STALLED_S = 120.0
"""How long nothing may be committed until the service counts as stuck, in seconds."""
CHECK_INTERVAL_S = 0.05
"""Seconds between two questions how far it is."""


class Usage(NamedTuple):
    """What a process holds: resident memory in MB, threads, open files and sockets."""

    rss_mb: float
    threads: int
    files: int


class Service:
    """A `headwater consume` process; SIGTERM at the end, which it must obey.

    Args:
        broker: The broker.
        topic: What it reads, as a group of the same name.
        graph: The URL of the graph.
        folder: Where its packages are, if it is another build than this one.
        settings: Further settings, by the names of their variables.

    Raises:
        RuntimeError: It ended otherwise than with 0; with the end of its log.
    """

    def __init__(
        self, broker: KafkaBroker, topic: Topic, graph: str, *, folder: Path | None = None, **settings: object
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="headwater-bench-")
        self._log = Path(self._folder.name) / "log"
        environment = {
            "HEADWATER_GRAPH": graph,
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
            "HEADWATER_KAFKA__TOPIC": topic.name,
            "HEADWATER_KAFKA__GROUP_ID": topic.name,
            "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": broker.create_topic(),
            **{f"HEADWATER_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.dead_letters = environment["HEADWATER_KAFKA__DEAD_LETTER_TOPIC"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [HEADWATER, "consume"] if folder is None else [sys.executable, "-c", MAIN, "consume"],
                env=os.environ | environment | ({} if folder is None else {"PYTHONPATH": str(folder)}),
                cwd=self._folder.name,
                stdout=log,
                stderr=log,
            )

    def require_alive(self) -> None:
        """Makes sure that it still runs."""
        if self._process.poll() is not None:
            raise RuntimeError(f"headwater consume ended with {self._process.returncode}:\n{self.said()}")

    def said(self) -> str:
        """The end of its log."""
        return tail(self._log)

    def usage(self) -> Usage:
        """What it holds now (proc(5))."""
        proc = Path("/proc") / str(self._process.pid)
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        return Usage(int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"]), len(os.listdir(proc / "fd")))  # noqa: PTH208 - names are enough

    def stop(self) -> None:
        """Asks it to end, and makes sure that it does so well."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(60)
        if status:
            raise RuntimeError(f"headwater consume ended with {status} after SIGTERM:\n{self.said()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.stop()
        finally:
            self._process.kill()
            self._process.wait()
            self._folder.cleanup()


class Progress(NamedTuple):
    """How far a group was at a moment: seconds of a steady clock, and by partition what was committed."""

    at: float
    offsets: Mapping[int, int]

    @property
    def total(self) -> int:
        """Records committed of all partitions."""
        return sum(self.offsets.values())


def watch(broker: KafkaBroker, topic: Topic, services: Sequence[Service]) -> Iterator[Progress]:
    """Yields each advance of a group, until all that was sent is committed.

    Raises:
        RuntimeError: A service ended, or nothing advances.
    """
    committed, last, moved = Committed(broker, topic.name, topic.name), Progress(0, {}), time.monotonic()
    try:
        while last.total < topic.sent:
            for service in services:
                service.require_alive()
            now = Progress(time.monotonic(), committed.offsets())
            if now.total > last.total:
                yield now
                last, moved = now, now.at
            elif now.at - moved > STALLED_S:
                raise RuntimeError(f"{now.total:,} of {topic.sent:,} are committed, and no more in {STALLED_S:.0f} s")
            time.sleep(CHECK_INTERVAL_S)
    finally:
        committed.close()


@contextmanager
def running(broker: KafkaBroker, topic: Topic, *graphs: str) -> Iterator[list[Service]]:
    """Runs the members of one group, one for each graph that is given; a graph may be given several times."""
    with ExitStack() as stack:
        yield [stack.enter_context(Service(broker, topic, graph)) for graph in graphs]


def rate(path: Sequence[Progress], after: int = 0, until: int | None = None) -> float | None:
    """Events per second between two counts of committed records; None where there are not two moments between them.

    A count between two moments was reached at a moment between them, by its share. Nothing is known of the time before
    the first moment.
    """
    if not path:
        return None
    first, last = max(after, path[0].total), path[-1].total if until is None else min(until, path[-1].total)
    elapsed_s = _moment(path, last) - _moment(path, first) if last > first else 0.0
    return (last - first) / elapsed_s if elapsed_s else None


def _moment(path: Sequence[Progress], count: int) -> float:
    later = next(at for at, step in enumerate(path) if step.total >= count)
    step, before = path[later], path[max(later - 1, 0)]
    if step.total == count or step is before:
        return step.at
    return before.at + (step.at - before.at) * (count - before.total) / (step.total - before.total)
