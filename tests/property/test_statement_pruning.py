"""The prune of statements: from the moment that it notes on, the past is what it was."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.graph import schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.history.past_graph import as_of
from consumer.maintenance.statement_pruning import drop_repeated
from consumer.projection.history import statements
from tests.support.events.event_builders import run_event
from tests.support.events.event_strategies import TIMES, events
from tests.support.examples import examples
from tests.support.graph.graph_of_events import difference, shuffled, whole, write
from tests.support.graph.happened import time_of

LATER = "2027-01-01T00:00:00.000000Z"
moments = st.sampled_from(TIMES).map(lambda time: time_of({"eventTime": time}))


def past(store: SqliteStore, moment: str) -> tuple[bytes, str]:
    """The whole graph of a moment, and since when all is known."""
    with closing(as_of(store, moment)) as found:
        return whole(found), found.known_since


@settings(max_examples=examples(100), deadline=None)
@given(events(), st.integers(0, 2**32), moments, moments)
def test_the_past_stays(documents: list[Any], seed: int, before: str, moment: str) -> None:
    """An answer about a moment since when all is known is the same; an earlier one says that it is not."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, shuffled(documents, seed, 4))
        expected, _ = past(store, moment)
        removed = drop_repeated(store, before)
        found, since = past(store, moment)
        assert bool(removed) == bool(since)
        assert since < before
        if moment >= since:
            assert not difference(found, expected)
        assert not drop_repeated(store, before), "a second prune finds nothing"


def streaming(second: int) -> dict[str, Any]:
    """A snapshot of a streaming job that reads and writes the same all the time."""
    event = run_event("RUNNING", 1, run="r1", inputs=["a"], outputs=["b"])
    event["eventTime"] = f"2026-01-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
    event["job"]["facets"]["jobType"] = {"processingType": "STREAMING", "integration": "FLINK", "jobType": "JOB"}
    return event


def test_a_streaming_job_takes_no_more_room_with_time() -> None:
    """Of a thousand equal snapshots a few are left, which is what the same job had with ten."""
    left = []
    for count in (10, 1_000):
        with closing(SqliteStore(Path(":memory:"))) as store:
            write(store, [[streaming(second) for second in range(count)]])
            last = time_of(streaming(count - 1))
            expected, _ = past(store, LATER)
            assert drop_repeated(store, LATER)
            assert past(store, LATER) == (expected, last)
            assert statements.pruned_until(store) == last
            left.append(len(list(store.vertices(schema.STATEMENT))))
    assert left[0] == left[1] <= 3
