"""States and snapshots: which of two stays."""

from __future__ import annotations

import pytest

from consumer.lineage.facts.run_state import RANKS, TERMINAL, Snapshot, State, fails_early
from tests.support.events.event_builders import name


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ("OTHER", "START"),
        ("START", "RUNNING"),
        ("RUNNING", "COMPLETE"),
        ("COMPLETE", "FAIL"),
        ("COMPLETE", "ABORT"),
    ],
)
def test_a_state_only_advances(less: str, more: str) -> None:
    """Whatever the times of the events: a run that failed did not complete."""
    assert State(RANKS[less], "9", less) < State(RANKS[more], "1", more)


def test_between_fail_and_abort_the_later_counts() -> None:
    """Both say that the run did not complete."""
    assert State(RANKS["FAIL"], "1", "FAIL") < State(RANKS["ABORT"], "2", "ABORT")
    assert State(RANKS["ABORT"], "1", "ABORT") < State(RANKS["FAIL"], "2", "FAIL")


@pytest.mark.parametrize("event_type", ["START", "RUNNING", "COMPLETE", "ABORT"])
def test_a_failure_that_comes_early_gives_way_to_a_later_end(event_type: str) -> None:
    """An asset of Dagster is reported as failed when another one is; its own end may follow."""
    failed = State.of("FAIL", "2", fails_early=True)
    assert failed.rank >= TERMINAL
    earlier, later = State.of(event_type, "1", fails_early=True), State.of(event_type, "3", fails_early=True)
    assert (failed < earlier, failed < later) == (event_type == "ABORT", event_type in {"COMPLETE", "ABORT"})


@pytest.mark.parametrize(
    ("producer", "early"),
    [
        ("https://github.com/OpenLineage/OpenLineage/tree/0.2.1/integration/dagster", True),
        ("https://github.com/OpenLineage/OpenLineage/tree/9.0.0/integration/dagster/", True),
        ("https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark", False),
        ("https://example.com/integration/dagster/fork", False),
        ("", False),
    ],
)
def test_who_reports_failures_early(producer: str, *, early: bool) -> None:
    """The producer is known by the end of its URI, so that its version does not matter."""
    assert fails_early(producer) == early


def test_what_has_ended() -> None:
    """Three states are terminal."""
    assert {state for state, rank in RANKS.items() if rank >= TERMINAL} == {"COMPLETE", "FAIL", "ABORT"}


def test_a_snapshot_replaces_an_older_one() -> None:
    """An event that ends a run replaces none of the running job, however late it is."""
    first, second = snapshot("1", "x"), snapshot("2", "a")
    end = snapshot("3", "z", running=False)
    assert sorted([second, end, first], key=lambda one: one.order) == [end, first, second]
    assert first.order < snapshot("1", "y").order, "at one time the hash decides"


def snapshot(time: str, digest: str, *, running: bool = True) -> Snapshot:
    """The datasets of an event."""
    return Snapshot(running, time, digest, frozenset({name("a")}), frozenset({name("t")}))
