"""Facts grow: runs, jobs and names take in what else is said, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given

from consumer.lineage.delta import Delta, JobName, RunFacts, join_runs, least, merge
from tests.support.documents import JOB, at, dataset, name, run_event
from tests.support.generate import events
from tests.support.ingest import folded


def run_of(*documents: Any) -> RunFacts:
    """The facts of the run `r1`."""
    return folded(documents).runs["r1"]


@given(events(), events(), events())
def test_merging_is_a_lattice(one: Sequence[Any], two: Sequence[Any], three: Sequence[Any]) -> None:
    """Order, grouping and repetition of deltas make no difference to their facts."""

    def facts(*parts: Sequence[Any]) -> tuple[object, ...]:
        into = Delta()
        for part in parts:
            merge(into, folded(part))
        return into.runs, into.jobs, into.names, into.contents

    expected = facts([*one, *two, *three])
    assert facts(three, two, one) == expected, "order"
    assert facts(one, [*two, *three], one) == expected, "grouping and repetition"


def test_a_run_is_the_union_of_its_events() -> None:
    """A COMPLETE need not repeat what START said; the first start and the last end are the run's."""
    facts = run_of(
        run_event("START", 2, inputs=["a"], outputs=["t"]),
        run_event("START", 1),
        run_event("RUNNING", 3, inputs=["b"]),
        run_event("COMPLETE", 4, outputs=["u"]),
        run_event("COMPLETE", 5),
    )
    assert facts.inputs == {name("a"), name("b")}
    assert facts.outputs == {name("t"), name("u")}
    assert (facts.started_at, facts.ended_at) == (at(1), at(5))
    assert facts.completed
    assert not facts.unfinished


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("RUNNING", 9), ("START", 1)], "RUNNING"),
        ([("COMPLETE", 1), ("RUNNING", 9)], "COMPLETE"),
        ([("COMPLETE", 1), ("FAIL", 2)], "FAIL"),
        ([("ABORT", 1), ("COMPLETE", 2)], "COMPLETE"),
        ([("START", 1), ("OTHER", 9)], "START"),
        ([("OTHER", 1)], "OTHER"),
        ([("FAIL", 1), ("COMPLETE", 1)], "FAIL"),
    ],
)
def test_a_state_moves_up(said: list[tuple[str, int]], expected: str) -> None:
    """A run that ended is not started again; of two ends the later counts, and at one time the name decides."""
    for order in (said, said[::-1]):
        state = run_of(*(run_event(kind, second) for kind, second in order)).state
        assert state is not None
        assert state.name == expected, f"from {order}"


@pytest.mark.parametrize(
    ("kind", "completed", "unfinished"),
    [("START", False, True), ("RUNNING", False, True), ("OTHER", False, False), ("FAIL", False, False)],
)
def test_what_a_state_means(kind: str, completed: bool, unfinished: bool) -> None:  # noqa: FBT001 - a table of cases
    """Only a started run is unfinished, only COMPLETE completes."""
    facts = run_of(run_event(kind, 1))
    assert (facts.completed, facts.unfinished) == (completed, unfinished)


def test_a_run_is_of_the_job_that_was_named_last() -> None:
    """Of several jobs the one with the latest event owns the run; at one time the greater name."""
    first, second = run_event("START", 1, job="z"), run_event("COMPLETE", 2, job="j")
    assert run_of(first, second).owner == run_of(second, first).owner == JOB
    assert run_of(run_event("START", 1, job="j"), run_event("START", 1, job="k")).owner == JobName("dbt", "k")
    assert RunFacts().owner is None, "a run that is only known as a parent is nobody's"


def test_only_a_known_parent() -> None:
    """Joining with nothing changes nothing, and nothing has no state."""
    facts = run_of(run_event("START", 1, outputs=[dataset("t", documentation={"description": "x"})]))
    assert join_runs(facts, RunFacts()) == join_runs(RunFacts(), facts) == facts
    assert RunFacts().state is None


def test_a_missing_time_is_no_time() -> None:
    """A time that is not known is neither the least nor the greatest."""
    assert least(None, "b") == least("b", None) == "b"
    assert least(None, None) is None
