"""Standard streams that are full or closed: one line that names the next action, and an exit code other than 0."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.graph.ingested_graphs import ingest_edge

HEADWATER = Path(sys.executable).with_name("headwater")


@pytest.fixture
def graph(tmp_path: Path) -> str:
    """The URL of a graph in which b is made from a."""
    return ingest_edge(tmp_path)


def in_shell(command: str, folder: Path, graph: str = "sqlite:///graph.db") -> tuple[int, list[str]]:
    """Returns the exit code of `headwater COMMAND`, a line of a shell, and its lines on stderr."""
    done = subprocess.run(
        ["sh", "-c", f"{HEADWATER} {command}"],
        cwd=folder,
        env={"HEADWATER_GRAPH": graph, "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("command", ["export", "lineage s.b", "lineage s.b --json", "--help", "--version", "runs -h"])
def test_a_full_disk_is_named(command: str, graph: str, tmp_path: Path) -> None:
    """The command has failed, and its user knows what to do."""
    line = "headwater: writing to standard output failed: No space left on device; free some and run the command again"
    assert in_shell(f"{command} > /dev/full", tmp_path, graph) == (1, [line])


def test_a_full_disk_of_dead_letters_is_named(tmp_path: Path) -> None:
    """With the file, as standard output is not at fault."""
    (tmp_path / "broken.jsonl").write_text("{}\n")
    code, lines = in_shell("ingest broken.jsonl --dead-letters /dev/full", tmp_path)
    line = "headwater: writing to /dev/full failed: No space left on device; free some and run the command again"
    assert (code, lines[-1]) == (1, line)


@pytest.mark.parametrize("command", ["export", "lineage s.b", "--help", "--version"])
def test_an_answer_that_is_lost_is_a_failure(command: str, graph: str, tmp_path: Path) -> None:
    """Exit code 0 would mean that the answer was printed."""
    line = "headwater: standard output is closed, and the answer is lost; run the command with an output"
    assert in_shell(f"{command} >&-", tmp_path, graph) == (1, [line])


def test_closed_input_is_a_fault_of_usage(tmp_path: Path) -> None:
    """Exit code 2, as for a file that does not exist."""
    line = "headwater: standard input is closed; name a file, or connect standard input"
    assert in_shell("ingest - <&-", tmp_path) == (2, [line])


def test_what_prints_nothing_needs_no_output(tmp_path: Path) -> None:
    """A service whose standard streams are closed works."""
    (tmp_path / "none.jsonl").write_text("")
    assert in_shell("ingest none.jsonl <&- >&- 2>&-", tmp_path) == (0, [])


def test_a_reader_that_has_exited_is_no_failure_of_note(graph: str, tmp_path: Path) -> None:
    """As in `headwater export | head`: stderr stays empty."""
    assert in_shell("export | true", tmp_path, graph) == (0, [])
