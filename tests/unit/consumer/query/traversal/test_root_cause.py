"""Root causes: what is wrong upstream, nearest first."""

from __future__ import annotations

from consumer.query.resolve import resolve
from consumer.query.traversal.root_cause import Diagnosis, diagnose
from tests.support.graph.example_graphs import graph, table
from tests.support.graph.run_events import assertions, run_event

A, B, C = (table(name) for name in "abc")


def causes(found: Diagnosis) -> list[tuple[str, int, str]]:
    """Dataset, depth and cause of each finding."""
    return [(one.summary.node_name, one.depth, one.cause.value) for one in found.findings]


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
