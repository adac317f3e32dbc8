"""The history of runs, and the runs that fed a run."""

from __future__ import annotations

import json

import pytest

from consumer.graph import ids
from consumer.graph.sqlite_store import SqliteStore
from consumer.query.job_names import all_jobs, jobs_of
from consumer.query.runs import fed_by, fed_newest, history, latest, recent
from tests.support.graph.example_graphs import graph, table
from tests.support.graph.graph_of_events import exported
from tests.support.graph.run_events import run_event, skipped

A, B, C = (table(name) for name in "abc")


@pytest.fixture(scope="module")
def store() -> SqliteStore:
    """Three runs of `b`, of which one failed and one has not ended, and two of `a`."""
    return graph(
        [
            run_event("START", "09:00", A, run="1"),
            run_event("COMPLETE", "09:10", A, run="1"),
            run_event("START", "10:00", B, A, run="1"),
            run_event("COMPLETE", "10:05", B, A, run="1"),
            run_event("START", "10:30", A, run="2"),
            run_event("COMPLETE", "10:40", A, run="2"),
            run_event("START", "11:00", B, A, run="2"),
            run_event("FAIL", "11:01", B, A, run="2", error="column x does not exist\nLINE 1"),
            run_event("START", "12:00", B, A, run="3"),
        ]
    )


def test_the_newest_run_comes_first(store: SqliteStore) -> None:
    """By the end of a run, or its start while it has none; with state, duration and error."""
    found, total = history(store, jobs_of(store, "b"))
    assert total == 3
    assert [(run.state, run.duration_s) for run in found] == [("START", None), ("FAIL", 60.0), ("COMPLETE", 300.0)]
    assert found[1].error == "column x does not exist\nLINE 1"
    assert [name.name for name in found[0].inputs] == [A[1]]
    assert [name.name for name in found[0].outputs] == [B[1]]


def test_limit_and_states(store: SqliteStore) -> None:
    """No more than asked for, and the number of all that match."""
    found, total = history(store, all_jobs(store), limit=1, states=("COMPLETE",))
    assert ([run.key.job.name for run in found], total) == (["model.p.dev.s.a"], 3)


def test_the_latest_run_of_each_job(store: SqliteStore) -> None:
    """Whatever its state."""
    assert sorted(run.state for run in latest(store, all_jobs(store)).values()) == ["COMPLETE", "START"]


def test_the_run_that_fed_a_run(store: SqliteStore) -> None:
    """Of each input, the last write that had completed when the run started."""
    found, _ = history(store, jobs_of(store, "b"))
    fed = {run.started_at[11:16]: [one.ended_at[11:16] for one in fed_by(store, run).values()] for run in found}
    assert fed == {"12:00": ["10:40"], "11:00": ["10:40"], "10:00": ["09:10"]}


@pytest.mark.parametrize("text", ["b", "model.p.dev.s.b", "dbt/model.p.dev.s.b"])
def test_a_job_is_named_by_itself_or_by_what_it_writes(store: SqliteStore, text: str) -> None:
    """A name, namespace/name, or the dataset that it writes."""
    assert [job.name for job in jobs_of(store, text)] == ["model.p.dev.s.b"]


def test_a_streaming_run_has_its_datasets() -> None:
    """Though they are stored apart from the run, over all of its events."""
    job = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
    events = [run_event("RUNNING", time, table(name), A, run="1") for time, name in (("09:00", "t"), ("09:01", "u"))]
    same = {"job": {"namespace": "flink", "name": "j", "facets": job}, "run": events[0]["run"]}
    events = [{**event, **same} for event in events]
    store = graph(events)
    found, _ = history(store, all_jobs(store))
    assert [name.name for name in found[0].inputs] == [A[1]]
    assert [name.name for name in found[0].outputs] == [table(name)[1] for name in "tu"]


def test_a_skipped_run_is_in_the_history_and_changes_nothing_else() -> None:
    """With a reason, but no execution: what is current, and which run read what, are those of the runs before."""
    events = [
        run_event("COMPLETE", "09:10", A, run="1"),
        run_event("START", "10:00", B, A, run="1"),
        run_event("COMPLETE", "10:05", B, A, run="1"),
    ]
    with_skipped = graph([*events, skipped("11:00", B, "model.p.a failed", "2")])
    found, _ = history(with_skipped, jobs_of(with_skipped, "b"))
    assert [(run.state, run.skipped) for run in found] == [("ABORT", "model.p.a failed"), ("COMPLETE", "")]
    assert (found[0].inputs, found[0].outputs, found[0].duration_s) == ((), (), None)
    assert [name.name for name in fed_newest(with_skipped, found)] == [A[1]]
    assert fed_newest(with_skipped, found[:1]) == {}
    job = found[0].key.job
    assert [run.state for run in recent(with_skipped, [job], 10)[job]] == ["COMPLETE"]
    assert latest(with_skipped, [job])[job].skipped == "model.p.a failed"
    before, after = (json.loads(exported(store)) for store in (graph(events), with_skipped))
    assert len(after.pop("runs")) == len(before.pop("runs")) + 1
    assert after == before


def test_a_run_that_was_executed_costs_no_more(store: SqliteStore) -> None:
    """The property is only there where a run was skipped."""
    runs, _ = history(store, all_jobs(store))
    stored = store.read([ids.run(run.key) for run in runs])
    assert stored
    assert not any("skipped" in properties for properties in stored.values())
