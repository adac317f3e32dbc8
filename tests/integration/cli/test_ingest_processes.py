"""`headwater ingest --processes`: the graph of one process, whichever of them is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumer.cli.interruption import ADVICE
from tests.support.events.small_events import records
from tests.support.processes.command_line import headwater
from tests.support.processes.server_process import await_end, tail
from tests.support.waiting import wait_until

BATCH = 20
EVENTS = [value for _, value in records(600)]
FIRST, REST = EVENTS[:60], EVENTS[60:]
WRONG = b'{"eventTime": "yesterday"}'


class Ingest:
    """An ingest of standard input in two processes.

    Attributes:
        writers: Process ids of the two that write, once these have opened the graph.
        fed: Number of events that were handed over.
    """

    def __init__(self, folder: Path) -> None:
        self.graph = folder / "graph.db"
        self.letters = folder / "letters.jsonl"
        self.log = folder / "log"
        command = [
            str(Path(sys.executable).with_name("headwater")),
            "ingest",
            "-",
            "--graph",
            f"sqlite:///{self.graph}",
        ]
        options = ["--processes", "2", "--batch-max-records", str(BATCH), "--dead-letters", str(self.letters)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stderr=log)
        self.writers: list[int] = []
        self.fed = 0

    def feed(self, events: Sequence[bytes]) -> None:
        """Hands events over."""
        assert self.process.stdin is not None
        self.fed += len([event for event in events if event != WRONG])
        self.process.stdin.write(b"".join(event + b"\n" for event in events))
        self.process.stdin.flush()

    def begin(self) -> None:
        """Hands the first events over, again and again, until both processes have the graph open."""

        def two_write() -> bool:
            self.feed(FIRST)
            self.writers = self._with_graph()
            return len(self.writers) >= 2

        self.wait_until(two_write, "two processes write")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Waits while the command runs."""

        def check() -> None:
            assert self.process.poll() is None, tail(self.log)

        wait_until(condition, what, pause_s=0.1, check=check, context=lambda: tail(self.log))

    def finish(self, events: Sequence[bytes]) -> int:
        """Hands the last events over; returns the exit code."""
        self.feed(events)
        return self.end()

    def end(self) -> int:
        """Ends the input; returns the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=120)

    def _with_graph(self) -> list[int]:
        found = []
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            try:
                if str(self.graph) in {str(fd.readlink()) for fd in Path(f"/proc/{child}/fd").iterdir()}:
                    found.append(int(child))
            except FileNotFoundError:  # closed, or ended, meanwhile
                continue
        return found


@contextmanager
def ingest(folder: Path) -> Iterator[Ingest]:
    """An ingest, which is killed if it has not ended."""
    folder.mkdir()
    started = Ingest(folder)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def exported(graph: Path) -> str:
    """The graph as text."""
    return headwater("export", "--graph", f"sqlite:///{graph}").stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The graph of one process."""
    graph = tmp_path_factory.mktemp("one") / "graph.db"
    done = headwater("ingest", "-", "--graph", f"sqlite:///{graph}", "--processes", "1", stdin=b"\n".join(EVENTS))
    assert done.exit_code == 0, done.stderr
    return exported(graph)


def test_gives_the_graph_of_one_process(tmp_path: Path, expected: str) -> None:
    """All events are there, counted once, and what is no event is a dead letter, whichever process found it."""
    with ingest(tmp_path / "two") as two:
        two.begin()
        assert two.finish([WRONG, *REST, WRONG]) == 1
    runs = len({json.loads(event).get("run", {}).get("runId") for event in EVENTS} - {None})
    assert f" events of {runs:,} runs" in tail(two.log), "a run was counted by each process"
    assert f"{two.fed:,} events" in tail(two.log)
    assert "2 rejected" in tail(two.log)
    assert len(two.letters.read_text().splitlines()) == 2
    assert exported(two.graph) == expected


def test_names_a_killed_process(tmp_path: Path, expected: str) -> None:
    """The command fails and says what to do; to run it again gives the whole graph."""
    with ingest(tmp_path / "killed") as killed:
        killed.begin()
        os.kill(killed.writers[0], signal.SIGKILL)
        await_end(killed.writers[0], "a killed process")
        try:
            code = killed.finish(REST)
        except BrokenPipeError:  # it had ended before all was handed over
            code = killed.process.wait(timeout=60)
        assert code == 1
        await_end(killed.writers[1], "the other process")
    assert "was killed" in tail(killed.log)
    assert "no event counts twice" in tail(killed.log)
    url = f"sqlite:///{killed.graph}"
    assert headwater("ingest", "-", "--graph", url, "--processes", "1", stdin=b"\n".join(EVENTS)).exit_code == 0
    assert exported(killed.graph) == expected


@pytest.mark.parametrize("count", [1, BATCH // 2])
def test_a_pipe_that_rests_is_written(tmp_path: Path, count: int) -> None:
    """Events that fill no batch are in the graph while the pipe stays open."""
    some = EVENTS[:count]
    whole = tmp_path / "whole.db"
    assert headwater("ingest", "-", "--graph", f"sqlite:///{whole}", stdin=b"\n".join(some)).exit_code == 0
    with ingest(tmp_path / "resting") as resting:
        resting.feed(some)
        resting.wait_until(
            lambda: resting.graph.exists() and exported(resting.graph) == exported(whole), "all is written"
        )
        resting.process.send_signal(signal.SIGINT)
        assert resting.process.wait(timeout=60) == 130


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_leaves_no_process_behind(tmp_path: Path, sent: signal.Signals) -> None:
    """The processes that write end with the one that reads, however that ends."""
    with ingest(tmp_path / "ended") as ended:
        ended.begin()
        ended.feed(REST[:BATCH])
        ended.process.send_signal(sent)
        code = ended.process.wait(timeout=60)
        if sent != signal.SIGKILL:
            assert (code, tail(ended.log).splitlines()) == (130, [f"headwater: interrupted; {ADVICE}"])
        for writer in ended.writers:
            await_end(writer, "a process that writes")
