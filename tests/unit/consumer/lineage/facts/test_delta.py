"""Facts grow: runs, jobs and names take in what else is said, in any order."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.lineage.facts.keys import RunKey
from consumer.lineage.facts.run_facts import RunFacts, greatest, join_runs, least
from tests.support.events.event_builders import JOB, at, dataset, name, run_event
from tests.support.graph.graph_of_events import folded


def run_of(*documents: Any) -> RunFacts:
    """The facts of the run `r1`."""
    return folded(documents).runs[RunKey(JOB, "r1")]


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
    assert facts.said_at == at(5)
    assert facts.seen_at == at(1)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("RUNNING", 9), ("START", 1)], "RUNNING"),
        ([("COMPLETE", 1), ("RUNNING", 9)], "COMPLETE"),
        ([("COMPLETE", 1), ("FAIL", 2)], "FAIL"),
        ([("ABORT", 1), ("COMPLETE", 2)], "ABORT"),
        ([("FAIL", 1), ("COMPLETE", 2)], "FAIL"),
        ([("ABORT", 1), ("FAIL", 2)], "FAIL"),
        ([("FAIL", 1), ("ABORT", 2)], "ABORT"),
        ([("START", 1), ("OTHER", 9)], "START"),
        ([("OTHER", 1)], "OTHER"),
        ([("FAIL", 1), ("COMPLETE", 1)], "FAIL"),
    ],
)
def test_a_state_moves_up(said: list[tuple[str, int]], expected: str) -> None:
    """A run that ended is not started again, one that failed did not complete; of FAIL and ABORT the later counts."""
    for order in (said, said[::-1]):
        state = run_of(*(run_event(kind, second) for kind, second in order)).state
        assert state is not None
        assert state.name == expected, f"from {order}"


def test_one_run_id_of_two_jobs_is_two_runs() -> None:
    """Dagster gives all jobs of an execution one run id."""
    asset, check = run_event("START", 1, job="asset", inputs=["a"]), run_event("START", 1, job="check", inputs=["b"])
    runs = folded([asset, check]).runs
    assert {run.job.name: facts.inputs for run, facts in runs.items()} == {
        "asset": frozenset({name("a")}),
        "check": frozenset({name("b")}),
    }


def test_all_parents_are_kept() -> None:
    """The groups that a run was in must be known, so that it can be taken out of those it has left."""
    parents = [{"parent": {"run": {"runId": run}, "job": {"namespace": "dbt", "name": "dag"}}} for run in ("p", "q")]
    facts = run_of(*(run_event("START", second, run_facets=facet) for second, facet in enumerate(parents)))
    assert facts.parents == {"p", "q"}


def test_only_a_known_parent() -> None:
    """Joining with nothing changes nothing, and nothing has no state."""
    facts = run_of(run_event("START", 1, outputs=[dataset("t", documentation={"description": "x"})]))
    assert join_runs(facts, RunFacts()) == join_runs(RunFacts(), facts) == facts
    assert RunFacts().state is None
    assert facts.known
    assert not RunFacts().known


def test_a_missing_time_is_no_time() -> None:
    """A time that is not known is neither the least nor the greatest."""
    assert least(None, "b") == least("b", None) == "b"
    assert greatest(None, "b") == greatest("b", None) == "b"
    assert least(None, None) is greatest(None, None) is None
