"""Runs that are old by a clock that jumped are not old."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from consumer.errors import UsageError
from consumer.graph import ids, schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.maintenance.leased_task import ClockWentBack, JobLease, run_job
from consumer.maintenance.prune import Prune
from consumer.maintenance.prune_cutoffs import DAY_S, Cutoffs, cutoffs
from tests.support.events.event_builders import job_event, run_event
from tests.support.graph.graph_of_events import write

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
YEAR_S = 365 * DAY_S
RUNS = [run_event("COMPLETE", second, run=f"r{second}", inputs=["a"], outputs=["b"]) for second in (1, 2, 3)]


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """A graph of three runs of this morning, of which two are superseded."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        write(found, [RUNS])
        yield found


def prune(store: SqliteStore, clock: Callable[[], float], owner: str = "me") -> int:
    """A prune of runs older than 90 days, by a clock; returns how many went."""
    chore = Prune(store, partial(cutoffs, store, clock(), 90 * DAY_S), "90d")
    run_job(chore, JobLease(store, chore.name, owner, clock), every_s=DAY_S)
    return chore.result.removed


def runs(store: SqliteStore) -> set[str]:
    """The runs that are there."""
    return {ids.run_key(vertex.id).id for vertex in store.vertices(schema.RUN)}


@pytest.mark.parametrize("ahead_s", [100 * DAY_S, YEAR_S, 7_000 * YEAR_S], ids=["a season", "a year", "the last year"])
def test_a_clock_that_jumped_forward_deletes_nothing(store: SqliteStore, ahead_s: float) -> None:
    """The newest event shows that it is not so late; and when the clock is right again, the prune goes on as ever."""
    assert prune(store, lambda: NOW + ahead_s) == 0
    assert runs(store) == {"r1", "r2", "r3"}
    with pytest.raises(ClockWentBack):
        prune(store, lambda: NOW)
    assert prune(store, lambda: NOW + 60) == 0
    later = [run_event("START", 1, run="later", job="k", inputs=["a"]) | {"eventTime": "2026-06-01T00:00:00Z"}]
    write(store, [later])
    assert prune(store, lambda: NOW + 152 * DAY_S) == 2, "with newer events in the graph they are old"
    assert runs(store) == {"r3", "later"}


def test_a_clock_that_went_back_deletes_nothing(store: SqliteStore) -> None:
    """Before 1970, too."""
    for now in (NOW - YEAR_S, 0.0, -YEAR_S):
        assert cutoffs(store, now, 90 * DAY_S).before < "2025"
    assert prune(store, lambda: 0.0) == 0


@pytest.mark.parametrize(
    "last", [run_event("START", 4, job="k", run="n", inputs=["a"]), job_event(4, outputs=["c"]), run_event("FAIL", 4)]
)
def test_any_newest_event_counts(store: SqliteStore, last: dict[str, object]) -> None:
    """One of a run that goes on or failed, or of a job."""
    write(store, [[last]])
    found = cutoffs(store, NOW + YEAR_S, 90 * DAY_S)
    assert found == Cutoffs("2025-10-04T00:00:04.000000Z", "2025-07-06T00:00:04.000000Z", "2026-01-01T00:00:04.000000Z")


def test_a_clock_is_believed_for_a_day(store: SqliteStore) -> None:
    """A graph without events of the last hours is pruned by the clock."""
    assert cutoffs(store, NOW, 90 * DAY_S) == Cutoffs("2025-10-03T12:00:00.000000Z", "2025-07-05T12:00:00.000000Z")


def test_an_empty_graph_has_no_newest_event() -> None:
    """Nothing confirms the clock, and nothing is there to be removed."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        assert cutoffs(store, NOW, DAY_S).newest is None


def test_an_age_in_the_future_is_refused(store: SqliteStore) -> None:
    """It would remove what is written meanwhile."""
    with pytest.raises(UsageError, match="give a past time"):
        cutoffs(store, NOW, -1.0)
