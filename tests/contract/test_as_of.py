"""Law 6 on every store: the graph as of a moment is a fresh graph of what had happened by then."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import GraphStore
from consumer.history.past_graph import as_of
from tests.support.events.event_builders import many_names
from tests.support.events.event_strategies import TIMES, events
from tests.support.events.mixed_histories import histories
from tests.support.examples import examples
from tests.support.graph.all_stores import Graph
from tests.support.graph.asked import names_in, walks
from tests.support.graph.graph_of_events import difference, embedded_whole, sample, shuffled, whole, write
from tests.support.graph.happened import happened, of_one_kind, time_of
from tests.support.graph.past_checks import check_moment
from tests.support.processes.servers import GremlinServer

RECORDED = ("events_athena_withcatalog", "ev_fail_athena", "ev_fail_redshift")


WALKED = 8
"""Datasets of which the lineage is asked at a moment."""


def check(store: GraphStore, documents: Sequence[Any], moments: Sequence[str]) -> None:
    """At each of some moments the graph, and walks around some datasets, must be those of what had happened by then."""
    for moment in moments:
        with closing(as_of(store, moment)) as past:
            changed = difference(whole(past), embedded_whole([happened(documents, moment)]))
        assert not changed, f"as of {moment} the graph is not what had happened by then:\n{changed}"
        names = names_in(store)
        with closing(SqliteStore(Path(":memory:"))) as fresh, closing(as_of(store, moment)) as past:
            write(fresh, [happened(documents, moment)])
            for name in names[:: max(1, len(names) // WALKED)]:
                assert list(walks(past, name)) == list(walks(fresh, name)), f"as of {moment}"


def moments_of(documents: Sequence[Any], count: int) -> list[str]:
    """Some of the times of events, with the first and the last one."""
    times = sorted({time_of(document) for document in documents})
    return [*times[:: max(1, len(times) // count)], times[-1]]


def test_recorded_events(graph: Graph) -> None:
    """Runs that completed and runs that failed, by two writers at once, each with all events in its own order."""
    documents = sample(*RECORDED)
    faults: list[BaseException] = []

    def ingest(seed: int) -> None:
        try:
            with closing(graph.connect()) as store:
                write(store, shuffled(documents, seed, 15))
        except BaseException as error:  # noqa: BLE001 - the test fails with it, below
            faults.append(error)

    threads = [threading.Thread(target=ingest, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(200)
    assert not faults, f"a writer failed: {faults!r}"
    with closing(graph.connect()) as store:
        check(store, documents, moments_of(documents, 4))


def test_names_that_were_joined_late(graph: Graph) -> None:
    """Symlinks join the names of one dataset one after the other; before that they were several."""
    documents = many_names(1)
    with closing(graph.connect()) as store:
        write(store, shuffled(documents, 3, 20))
        check(store, documents, moments_of(documents, 3))


def test_generated_events(gremlin_server: GremlinServer) -> None:
    """Any events, in any order and batches, on a Gremlin Server."""

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(events(), st.integers(0, 2**32), st.sampled_from(TIMES))
    def run(documents: list[Any], seed: int, time: str) -> None:
        gremlin_server.clear()
        documents = of_one_kind(documents)
        write(store, shuffled(documents, seed, 4))
        check(store, documents, [time_of({"eventTime": time})])

    with closing(open_gremlin(gremlin_server.url)) as store:
        run()


def test_short_histories(graph: Graph) -> None:
    """Any kinds of events, one at a time in any order, on every store."""

    @settings(max_examples=examples(4), deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(histories(4), st.integers(0, 3))
    def run(events: list[Any], at: int) -> None:
        graph.clear()
        times = sorted(map(time_of, events))
        with closing(graph.connect()) as store:
            write(store, [[event] for event in events])
            check_moment(store, events, times[at % len(times)], is_apart=False)

    run()
