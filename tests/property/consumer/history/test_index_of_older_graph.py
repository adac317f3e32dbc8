"""A graph without the index of its history, as an older version wrote it: read whole, and indexed by a reconcile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from consumer.graph import format_version, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, DropEdges, DropVertices, PropertyEquals, Step, Vertex
from consumer.history.past_graph import as_of
from consumer.lineage.identity import NO_RULES
from consumer.maintenance.reconcile import Reconcile
from tests.support.events.event_builders import dataset, many_names, run_event
from tests.support.graph.asked import names_in, walks
from tests.support.graph.graph_of_events import sample, write
from tests.support.graph.happened import happened, time_of

RECORDED = (*sample("events_athena_withcatalog"), *sample("ev_fail_athena"), *many_names(1))
EVENTS = (
    *RECORDED,
    run_event("COMPLETE", 1, run="r1", inputs=["a"], outputs=["made"]),
    run_event("COMPLETE", 2, run="r2", inputs=["b"], outputs=["made"]),
    run_event("COMPLETE", 3, run="r3", job="other", inputs=["made"], outputs=["last"]),
)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """A graph from which all is removed that an older version does not write."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        write(found, [EVENTS])
        edges = [edge.id for label in (schema.NAMED, schema.STATED) for edge in found.edges(label)]
        owner = Vertex(format_version.INDEX_MARK, schema.TASK, {})
        same = PropertyEquals("rev", "1")
        steps: tuple[Step, ...] = (*(DropEdges((id_,)) for id_ in edges), DropVertices((format_version.INDEX_MARK,)))
        for at in range(0, len(steps), 100):
            found.write([Change(owner, same, same, steps[at : at + 100])])
        for label in (schema.JOB, schema.NAME):
            for vertex in list(found.vertices(label)):
                rev = PropertyEquals("rev", vertex.properties["rev"])
                gone = tuple(key for key in ("settled", "past") if key in vertex.properties)
                found.write([Change(Vertex(vertex.id, label, {}), rev, PropertyEquals("rev", "none"), (), gone)])
        yield found


def is_right(store: SqliteStore, *, whole: bool) -> bool:
    """True if each walk at some moments finds what had happened; `whole` if the whole graph has to be drawn for it."""
    times = sorted({time_of(event) for event in EVENTS})
    for time in times[:: max(1, len(times) // 4)]:
        with closing(SqliteStore(Path(":memory:"))) as fresh, closing(as_of(store, time)) as past:
            write(fresh, [happened(EVENTS, time)])
            for name in names_in(store):
                if list(walks(past, name)) != list(walks(fresh, name)):
                    return False
            if past.is_whole != whole:
                return False
    return True


def test_it_is_read_as_a_whole_until_a_reconcile_has_indexed_it(store: SqliteStore) -> None:
    """The answers are the same before and after; a second reconcile finds nothing to do."""
    assert not list(store.edges(schema.NAMED))
    assert is_right(store, whole=True)
    assert reconciled(store)
    assert format_version.is_indexed(store)
    assert is_right(store, whole=False)
    assert not reconciled(store)


def test_streaming_runs_are_led_to_by_statements() -> None:
    """A reconcile makes no edge for a stream that has ended, whether its last event named a dataset or not."""
    stream = {"jobType": {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}}
    dropped = dataset("made", lifecycleStateChange={"lifecycleStateChange": "DROP"})
    with closing(SqliteStore(Path(":memory:"))) as found:
        written: list[list[Any]] = [["made"], [], [dropped]]
        for second, outputs in enumerate(written, 1):
            event = run_event("COMPLETE", second, run=f"r{second}", outputs=outputs, job_facets=stream)
            write(found, [[event]])
        assert not reconciled(found)
        assert not list(found.edges(schema.NAMED))


def reconciled(store: SqliteStore) -> int:
    """Reconciles a graph; returns how many vertices that changed."""
    chore, place = Reconcile(store, NO_RULES), ""
    while (following := chore.step(place)) is not None:
        place = following
    return chore.result.repaired
