"""The laws on every store: the same events, in whatever way they come, give the bytes that the embedded store gives."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.graph.store import GraphStore
from consumer.lineage.identity import IdentityRules
from tests.support.events.event_builders import many_names
from tests.support.events.event_strategies import ATHENA, GLUE, REDSHIFT, events
from tests.support.graph.all_stores import Graph
from tests.support.graph.graph_of_events import (
    difference,
    embedded_whole,
    sample,
    shuffled,
    whole,
    write,
)
from tests.support.processes.servers import GremlinServer

RECORDED = (
    "events_athena_withcatalog",
    "events_redshift_withcatalog",
    "ev_fail_athena",
    "ev_fail_redshift",
    "ev_fail_slog",
)
"""Runs of both engines as dbt-ol sends them, and runs that failed."""

ACROSS = IdentityRules.of([[GLUE, ATHENA], [f"{GLUE}/imdb", f"{REDSHIFT}/dev.imdb"]])


def expect(store: GraphStore, expected: bytes, what: str) -> None:
    """The graph must be the one that the embedded store makes of all events in one batch."""
    changed = difference(whole(store), expected)
    assert not changed, f"{what} made another graph:\n{changed}"


class TestRecordedEvents:
    """Law 1 with what dbt really sends."""

    @pytest.mark.parametrize("rules", [IdentityRules.of(), ACROSS], ids=["no rules", "across engines"])
    def test_order_repetition_and_batches(self, graph: Graph, rules: IdentityRules) -> None:
        """Shuffled, repeated and cut: the same bytes, and again when all comes once more."""
        documents = sample(*RECORDED)
        expected = embedded_whole([documents], rules)
        with closing(graph.connect()) as store:
            write(store, shuffled(documents, 1, 20), rules)
            expect(store, expected, "another order")
            write(store, shuffled(documents, 2, 40), rules)
            expect(store, expected, "the same events once more, by a writer that knows nothing of them,")

    def test_two_writers_at_once(self, graph: Graph) -> None:
        """Two writers, each with all of the events in its own order: the same bytes."""
        documents = sample(*RECORDED)
        faults: list[BaseException] = []

        def ingest(seed: int) -> None:
            try:
                with closing(graph.connect()) as store:
                    write(store, shuffled(documents, seed, 15))
            except BaseException as error:  # noqa: BLE001 - the test fails with it, below
                faults.append(error)

        threads = [threading.Thread(target=ingest, args=(seed,)) for seed in (3, 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
        assert not faults, f"a writer failed: {faults!r}"
        assert not any(thread.is_alive() for thread in threads), "a writer hangs"
        with closing(graph.connect()) as store:
            expect(store, embedded_whole([documents]), "two writers at once")

    def test_structured_logs(self, graph: Graph) -> None:
        """A long list with three names for each model, in batches as the consumer makes them."""
        documents = sample("events_redshift_structlogs", "events_athena_structlogs")
        with closing(graph.connect()) as store:
            write(store, [documents[at : at + 200] for at in range(0, len(documents), 200)])
            expect(store, embedded_whole([documents]), "another store")


def test_a_dataset_of_many_names(graph: Graph) -> None:
    """Names that are joined one after the other, by two writers in turn, are one dataset in the end."""
    documents = many_names(1)
    with closing(graph.connect()) as store, closing(graph.connect()) as other:
        for number, batch in enumerate(shuffled(documents, 2, 20)):
            write(other if number % 2 else store, [batch])
        expect(store, embedded_whole([documents]), "another order")


def test_generated_events(gremlin_server: GremlinServer) -> None:
    """Any events, in any order and batches, make the embedded store's bytes on a Gremlin Server."""

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(events(), st.integers(0, 2**32))
    def check(documents: Sequence[Any], seed: int) -> None:
        gremlin_server.clear()
        write(store, shuffled(documents, seed, 4))
        expect(store, embedded_whole([documents]), "a Gremlin Server")

    with closing(open_gremlin(gremlin_server.url)) as store:
        check()
