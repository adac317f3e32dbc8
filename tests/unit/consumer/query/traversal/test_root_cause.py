"""Root causes: what is wrong upstream, nearest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from consumer.graph.sqlite_store import SqliteStore
from consumer.history.past_graph import as_of
from consumer.query.resolve import resolve
from consumer.query.traversal.root_cause import Diagnosis, diagnose
from consumer.render import answers
from tests.support.graph.example_graphs import fill, graph, table
from tests.support.graph.run_events import assertions, run_event, schema, skipped

A, B, C = (table(name) for name in "abc")


def causes(found: Diagnosis) -> list[tuple[str, int, str]]:
    """Dataset, depth and cause of each finding."""
    return [(one.summary.node_name, one.depth, one.cause.value) for one in found.findings]


def one_by_one(events: Iterable[dict[str, Any]]) -> SqliteStore:
    """The graph of events that came one after another: what is written together changes nothing in between."""
    store = graph([])
    for event in events:
        fill(store, [event])
    return store


def test_nothing_is_wrong() -> None:
    """Tables that were built one after another, with tests that pass."""
    store = graph(
        [
            run_event("COMPLETE", "09:00", A),
            run_event("COMPLETE", "10:00", B, A, facets=assertions(unique=True)),
        ]
    )
    found = diagnose(store, resolve(store, "b"))
    assert (causes(found), found.checked, found.without_runs) == ([], 2, ())


def test_a_failure_upstream_is_found_with_its_error() -> None:
    """The failed run two steps away, before the table that is stale because a source is newer."""
    store = graph(
        [
            run_event("COMPLETE", "08:00", A, run="1"),
            run_event("COMPLETE", "08:30", B, A, run="1"),
            run_event("COMPLETE", "09:00", C, B, run="1"),
            run_event("COMPLETE", "10:00", A, run="2"),
            run_event("FAIL", "10:30", B, A, run="2", error="out of memory\nstack"),
        ]
    )
    found = diagnose(store, resolve(store, "c"))
    assert causes(found) == [("b", 1, "failed"), ("b", 1, "stale")]
    assert found.findings[0].detail == "out of memory"
    assert found.findings[0].since == "2026-01-01T10:30:00.000000Z"
    _, failed, stale = (line.split() for line in answers.diagnosis(found).splitlines())
    assert failed[:5] == ["1", "b", "failed", "-", "2026-01-01T10:30:00Z"]
    assert stale[:5] == ["1", "b", "stale", "-", "2026-01-01T08:30:00Z"]


def test_what_was_skipped_is_listed_after_its_cause() -> None:
    """A failure three steps away comes first; the tables between were skipped because of it."""
    store = graph(
        [
            run_event("COMPLETE", "08:00", A, run="1"),
            run_event("COMPLETE", "08:30", B, A, run="1"),
            run_event("COMPLETE", "09:00", C, B, run="1"),
            run_event("FAIL", "10:00", A, run="2", error="out of memory"),
            skipped("10:01", B, "model.p.a failed", "2"),
            skipped("10:02", C, "model.p.a failed", "2"),
        ]
    )
    found = diagnose(store, resolve(store, "c"))
    assert causes(found) == [("a", 2, "failed"), ("c", 0, "skipped"), ("b", 1, "skipped")]
    assert found.findings[1].detail == "skipped: model.p.a failed"


def test_failures_before_skipped_runs_are_found() -> None:
    """However often the job was skipped since: its last executed run counts."""
    later = [skipped(f"11:{minute:02}", B, "model.p.a failed", f"s{minute}") for minute in range(12)]
    built = run_event("COMPLETE", "08:00", A), run_event("COMPLETE", "08:30", B, A, run="1")
    store = graph([*built, run_event("FAIL", "09:00", B, A, run="2"), *later])
    found = diagnose(store, resolve(store, "b"))
    assert causes(found) == [("b", 0, "failed"), ("b", 0, "skipped")]


def test_failed_tests_and_unfinished_runs() -> None:
    """Of the dataset itself, at depth 0."""
    store = graph(
        [
            run_event("COMPLETE", "09:00", A, facets=assertions(id__unique=False, id__not_null=True)),
            run_event("START", "10:00", A, run="2"),
        ]
    )
    found = diagnose(store, resolve(store, "a"))
    assert sorted(causes(found)) == [("a", 0, "quality"), ("a", 0, "running")]
    assert "failed tests: id__unique" in [one.detail for one in found.findings]


def test_a_source_without_runs_is_counted() -> None:
    """Nothing can be said about a table that no job writes."""
    store = graph([run_event("COMPLETE", "09:00", B, A)])
    found = diagnose(store, resolve(store, "b"))
    assert [name.name for name in found.without_runs] == [A[1]]


def test_an_exposure_is_as_good_as_what_it_uses() -> None:
    """A failure upstream of a dashboard is found; the dashboard itself has no runs to be unknown."""
    use = {"dbt_exposures": {"exposures": [{"unique_id": "exposure.p.weekly", "name": "weekly"}]}}
    store = graph(
        [
            run_event("COMPLETE", "08:00", A, run="1"),
            run_event("FAIL", "09:00", A, run="2", error="out of memory"),
            run_event("COMPLETE", "10:00", B, A, facets=use),
        ]
    )
    found = diagnose(store, resolve(store, "weekly"))
    assert causes(found) == [("a", 2, "failed")]
    assert (found.root.name, found.checked, found.without_runs) == ("exposure.p.weekly", 2, ())


def test_columns_that_changed_since_the_last_good_build() -> None:
    """Removed or retyped upstream before the last build, or after it; what was taken back, added or learned is none."""
    at_eight = schema(gone="int", kept="int", retyped="int", back="int", learned="")
    at_nine = schema(kept="int", retyped="text", back="text", learned="int", new="int")
    at_ten = schema(kept="int", retyped="text", back="int", learned="int", new="int")
    store = one_by_one(
        [
            run_event("COMPLETE", "08:00", A, run="1", facets=at_eight),
            run_event("COMPLETE", "08:30", B, A, run="1"),
            run_event("COMPLETE", "09:00", A, run="2", facets=at_nine),
            run_event("COMPLETE", "10:00", A, run="3", facets=at_ten),
            run_event("COMPLETE", "10:30", B, A, run="2"),
        ]
    )
    (found,) = diagnose(store, resolve(store, "b")).findings
    assert (found.summary.node_name, found.depth, found.cause.value) == ("a", 1, "schema")
    assert found.detail == "column gone was removed, column retyped is text, was int"
    assert found.since == "2026-01-01T09:00:00.000000Z"
    row = answers.diagnosis(diagnose(store, resolve(store, "b"))).splitlines()[1]
    assert row.endswith("was int (2026-01-01T09:00:00Z)"), "a change of columns has no run"
    past = as_of(store, "2026-01-01T08:45:00.000000Z")
    assert causes(diagnose(past, resolve(past, "b"))) == []
    past = as_of(store, "2026-01-01T09:15:00.000000Z")
    assert causes(diagnose(past, resolve(past, "b"))) == [("b", 0, "stale"), ("a", 1, "schema")]


def test_an_old_change_of_columns_is_no_cause() -> None:
    """Once a table was built twice with the new columns, they are what it is built from."""
    events = [run_event("COMPLETE", "08:00", A, run="1", facets=schema(x="int"))]
    events += [run_event("COMPLETE", "08:30", B, A, run="1")]
    events += [run_event("COMPLETE", "09:00", A, run="2", facets=schema(y="int"))]
    events += [run_event("COMPLETE", f"{hour}:30", B, A, run=hour) for hour in ("09", "10")]
    store = one_by_one(events)
    assert causes(diagnose(store, resolve(store, "b"))) == []
