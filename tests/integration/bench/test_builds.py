"""Benchmarks of builds, each in processes of its own."""

from __future__ import annotations

from pathlib import Path

from bench import same, stages
from bench.workload import Project

SMALL = Project("p", 40, mixes=2)


def test_stages_are_measured_in_processes_of_their_own() -> None:
    """Each stage of both kinds of builds, in this build and in a base, which may be the same."""
    rows = list(stages.compare(2, stages.OWN, rounds=1))
    assert len(rows) == 2 * 3
    assert all(len(row) == 4 for row in rows), rows
    assert all(float(cell.replace(",", "")) > 0 for row in rows for cell in row[1:]), rows


def test_exports_of_two_builds_are_compared(tmp_path: Path) -> None:
    """Each case has its events, and a build exports the graph that they make."""
    events = tmp_path / "events.jsonl"
    events.write_bytes(b"\n".join(value for _, value in SMALL.build(0)))
    found = dict(same.cases([events], tmp_path))
    assert set(found) == {"events.jsonl", "all", "all, shuffled"}
    assert sorted(set(found["all, shuffled"].read_bytes().splitlines())) == sorted(events.read_bytes().splitlines())
    assert b'"datasets"' in same.Build(same.OWN).export(found["all"], tmp_path)
