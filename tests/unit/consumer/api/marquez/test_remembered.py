"""What is remembered of the whole graph: how old it gets, and what it holds."""

from __future__ import annotations

from typing import Any

from consumer.api.marquez.activity import activity
from consumer.api.marquez.freshness import MOST_AGE_S, SHARE, Fresh
from consumer.api.marquez.name_lists import name_lists, names_given, tag_names
from consumer.lineage.facts.keys import JobName
from tests.support.graph.example_graphs import demo


def test_a_value_is_made_again_at_a_small_share_of_the_time() -> None:
    """Its age is a multiple of what it costs, and bounded."""
    now, made = [0.0], [0]

    def read(_: Any) -> int:
        now[0] += 2.0
        made[0] += 1
        return made[0]

    fresh: Fresh[int] = Fresh(read, lambda: now[0])
    store = demo()
    assert [fresh.get(store), fresh.get(store)] == [1, 1]
    now[0] = 2.0 * SHARE - 0.1
    assert fresh.get(store) == 1
    now[0] = 2.0 * SHARE
    assert fresh.get(store) == 2
    now[0] += MOST_AGE_S
    assert fresh.get(store) == 3


def test_names_and_runs_of_a_graph() -> None:
    """Lists agree with each other, and with what the graph has."""
    store = demo()
    names, runs, given = name_lists(store), activity(store), names_given(store)
    assert names.namespaces == sorted({*names.datasets, *names.jobs})
    assert set(runs.last) <= set(names.all_jobs())
    assert len(runs.recent) == 35
    assert list(runs.recent) == sorted(runs.recent, reverse=True)
    assert sum(one["START"] for one in runs.counts.values()) == 35
    assert sum(one["COMPLETE"] + one["FAIL"] for one in runs.counts.values()) == 35
    assert set(given.values()) <= set(names.all_jobs())
    assert (
        given[JobName("dbt", "dev.imdb.imdb_redshift.genre_titles.build.run")].name
        == "model.imdb_redshift.genre_titles"
    )
    assert runs.newest_first([JobName("a", "never"), *runs.last])[-1] == JobName("a", "never")
    assert tag_names(store) == []
