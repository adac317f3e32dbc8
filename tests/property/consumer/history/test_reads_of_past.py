"""Reads of a walk at a moment, around jobs that changed since."""

from __future__ import annotations

from contextlib import closing

import pytest

from consumer.history.past_graph import as_of
from consumer.query.traversal.traverse import LineageNode, lineage
from schemas.naming import DatasetName
from tests.support.events.event_builders import BATCH, PRODUCER, at, dataset, made_of, name, run_event
from tests.support.graph.graph_of_events import write
from tests.support.graph.request_counts import Cost, CountingStore


def asked(builds: int) -> tuple[Cost, set[DatasetName]]:
    """Counts what is asked of a store for a table whose job read another one in so many builds before the last."""
    sources = [*["a"] * builds, "b"]
    events = [
        {
            **run_event("COMPLETE", second, run=f"r{second}", inputs=[source], job_facets=BATCH),
            "outputs": [dataset("n", columnLineage=made_of(x=f"{source}.x"))],
            "producer": PRODUCER,
        }
        for second, source in enumerate(sources, start=1)
    ]
    with closing(CountingStore()) as store:
        write(store, [events])
        # What the first answer has parsed is known for the second.
        walked(store)
        before = store.cost
        found = walked(store)
        return store.cost.minus(before), found


def walked(store: CountingStore) -> set[DatasetName]:
    """The datasets around the table at an early moment."""
    with closing(as_of(store, at(2))) as past:
        return {node.target.dataset for node in lineage(past, LineageNode(name("n")), 1, 1).nodes}


@pytest.mark.parametrize("builds", [20, 50])
def test_runs_that_are_not_near_the_moment_are_not_read(builds: int) -> None:
    """Of a job with any number of runs, as many are read as of one with five."""
    cost, found = asked(builds)
    few, _ = asked(5)
    assert found == {name("a"), name("n")}
    assert (cost.calls, cost.ids, cost.edges) == (few.calls, few.ids, few.edges)
    assert cost.read < few.read + 100, "what is read has the number of builds in it, and no more"
