"""The datasets around a job."""

from __future__ import annotations

import pytest

from consumer.errors import UsageError
from consumer.query.traversal.job_surroundings import datasets_of, job_neighbourhood, job_target
from consumer.query.traversal.moments import moments_of_job
from tests.support.graph.example_graphs import graph, job, table

A, B, C, D, E = (table(name) for name in "abcde")
EVENTS = [job(B, A), job(D, B, C, name="made"), job(E, D)]


def test_inputs_and_outputs_are_one_step_away_and_others_beyond() -> None:
    """Levels count from the job."""
    store = graph(EVENTS)
    target = job_target(store, "job:dbt/made")
    near = job_neighbourhood(store, target, 1, 1, 100)
    assert [tuple(card.node.target.dataset) for card in near.cards] == [("job:dbt", "made"), B, C, D]
    assert (near.upstream, near.downstream, near.total) == ((2,), (1,), 4)
    far = job_neighbourhood(store, target, 9, 9, 100)
    assert (far.upstream, far.downstream, far.total) == ((2, 1), (1, 1), 6)
    assert {(link.source.dataset.name[-1], link.target.dataset.name[-1]) for link in far.links} == {
        ("a", "b"),
        ("b", "e"),
        ("c", "e"),
        ("e", "d"),
        ("d", "e"),
    }
    assert datasets_of(store, target) == {B, C, D}


def test_a_limit_counts_the_rest() -> None:
    """The nearest are kept, and all are counted."""
    store = graph(EVENTS)
    found = job_neighbourhood(store, job_target(store, "job:made"), 9, 9, 3, states=True)
    assert (len(found.cards), found.total) == (3, 6)


def test_moments_are_those_of_the_job_and_its_datasets() -> None:
    """The job's edges were drawn at the event's time."""
    store = graph(EVENTS)
    assert [one.time for one in moments_of_job(store, job_target(store, "job:made"))] == ["2026-01-01T00:00:00.000000Z"]


def test_an_unknown_job_is_refused() -> None:
    """The error is that of names."""
    with pytest.raises(UsageError, match="nothing"):
        job_target(graph(EVENTS), "job:dbt/nothing")
