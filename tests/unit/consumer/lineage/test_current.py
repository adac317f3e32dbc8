"""What is current of a job: the latest completed run, and the unfinished ones after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumer.lineage.current import Current, absorb, recount
from consumer.lineage.delta import RunFacts
from consumer.lineage.views import current_of
from tests.support.documents import JOB, Json, at, dataset, facts_of, job_event, name, run_event
from tests.support.ingest import folded

OLD = run_event("COMPLETE", 10, run="old", inputs=["a"], outputs=["t"])


def current(*documents: Json) -> Current:
    """What is current of the job, its JobEvents included."""
    return current_of(facts_of(*documents))


def runs_of(*documents: Json) -> dict[str, RunFacts]:
    """Facts by run."""
    return folded(documents).runs


def reads(*documents: Json) -> set[str]:
    """The current inputs, by table."""
    return {found.name.removeprefix("dev.s.") for found in current(*documents).inputs}


def test_the_latest_completed_run_counts() -> None:
    """What an earlier run read is read no more, however late it is told."""
    new = run_event("COMPLETE", 20, run="new", inputs=["b"], outputs=["t"])
    assert reads(OLD, new) == reads(new, OLD) == {"b"}


def test_of_two_that_ended_at_once_the_greater_id_counts() -> None:
    """Time alone does not decide between two runs of one moment; the order of arrival never does."""
    one, two = (run_event("COMPLETE", 10, run=run, inputs=[run]) for run in ("r1", "r2"))
    assert reads(one, two) == reads(two, one) == {"r2"}


@pytest.mark.parametrize("kind", ["FAIL", "ABORT"])
def test_a_failed_run_adds_and_retires_nothing(kind: str) -> None:
    """After a failure all is as it was before."""
    started = run_event("START", 11, run="new", inputs=["b"], outputs=["u"])
    assert current(OLD, started, run_event(kind, 12, run="new")) == current(OLD)


def test_an_unfinished_run_is_seen_while_it_runs() -> None:
    """A streaming job reads and writes before it ends; together with what the completed run does."""
    running = run_event("RUNNING", 20, run="stream", inputs=["b"], outputs=["u"])
    found = current(OLD, running)
    assert found.inputs == {name("a"), name("b")}
    assert found.outputs == {name("t"), name("u")}
    assert reads(running) == {"b"}, "also where none has completed"


@pytest.mark.parametrize("second", [9, 10])
def test_a_run_that_started_before_the_latest_ended_is_not_seen(second: int) -> None:
    """One that never ended is forgotten with the next completed run."""
    assert reads(OLD, run_event("START", second, run="lost", inputs=["b"])) == {"a"}


def test_when_a_run_started() -> None:
    """The START says so, however late it comes; without one the first RUNNING."""
    running = run_event("RUNNING", 20, run="x", inputs=["b"])
    assert reads(OLD, running, run_event("START", 9, run="x")) == {"a"}
    assert reads(OLD, running, run_event("RUNNING", 9, run="x")) == {"a"}
    assert reads(OLD, running, run_event("OTHER", 9, run="x")) == {"a", "b"}, "OTHER starts nothing"


def test_a_job_event_counts_as_a_completed_run() -> None:
    """It replaces an earlier run, and a later run replaces it."""
    declared = job_event(20, inputs=["b"], outputs=["t"])
    assert reads(OLD, declared) == reads(declared, OLD) == {"b"}
    assert reads(declared, run_event("COMPLETE", 30, inputs=["c"])) == {"c"}
    assert reads(declared, run_event("START", 19, inputs=["c"])) == {"b"}


def test_a_start_carries_what_a_bare_complete_confirms() -> None:
    """Facets of outputs wait for COMPLETE, whichever event had them."""
    said = dataset("t", documentation={"description": "new"})
    started = run_event("START", 1, outputs=[said])
    assert current(started).carried == {}, "an unfinished run's facets don't count"
    assert current(started, run_event("FAIL", 2)).carried == {}, "nor a failed one's"
    carried = current(started, run_event("COMPLETE", 2)).carried
    assert carried[name("t")]["documentation"].ref == '{"description":"new"}'
    assert carried[name("t")]["documentation"].ended_at == at(2)


class TestAbsorb:
    """Taking in one run is the same as counting all of them, or says that it can't be told."""

    @pytest.mark.parametrize(
        "documents",
        [
            [OLD, run_event("COMPLETE", 20, run="new", inputs=["b"])],
            [OLD, run_event("START", 20, run="new", inputs=["b"]), run_event("COMPLETE", 30, run="new")],
            [run_event("START", 1, run="new", inputs=["b"]), run_event("FAIL", 2, run="new"), OLD],
        ],
        ids=["completed", "ends", "failed"],
    )
    def test_one_by_one(self, documents: list[Any]) -> None:
        """Event by event, the state is that of a count of all."""
        found = Current()
        for count in range(1, len(documents) + 1):
            runs = runs_of(*documents[:count])
            run = documents[count - 1]["run"]["runId"]
            absorbed = absorb(found, JOB, run, runs[run])
            assert absorbed == recount(JOB, runs.items()), f"after {count} events"
            assert absorbed is not None
            found = absorbed

    def test_a_failure_after_completion_has_to_be_counted(self) -> None:
        """What the run retired is not known any more, so the caller is told to count."""
        runs = runs_of(OLD, run_event("COMPLETE", 20, run="new", inputs=["b"]))
        counted = recount(JOB, runs.items())
        failed = runs_of(run_event("COMPLETE", 20, run="new", inputs=["b"]), run_event("FAIL", 21, run="new"))["new"]
        assert absorb(counted, JOB, "new", failed) is None
        assert recount(JOB, {**runs, "new": failed}.items()) == current(OLD)

    def test_a_run_that_turns_out_to_be_anothers(self) -> None:
        """A completed run that moves to another job is counted out; one that was never counted changes nothing."""
        mine = runs_of(OLD)["old"]
        others = replace(mine, jobs={**mine.jobs, JOB._replace(name="other"): at(99)})
        assert absorb(recount(JOB, [("old", mine)]), JOB, "old", others) is None
        assert absorb(Current(), JOB, "old", others) == Current()
