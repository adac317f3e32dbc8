"""Chores whose notes are from a clock that is not this machine's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from consumer.graph.sqlite_store import SqliteStore
from consumer.maintenance.leased_task import ClockWentBack, JobLease

NOW = 1_800_000_000.0
YEAR_S = 365 * 86_400.0


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """An empty graph."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        yield found


def task(store: SqliteStore, now: float, owner: str = "me") -> JobLease:
    """A chore's vertex as a process sees it at a time."""
    return JobLease(store, "prune", owner, lambda: now)


def done(store: SqliteStore, now: float) -> None:
    """A process does the chore."""
    one = task(store, now, "other")
    one.acquire("90d")
    one.finish()


def begun(store: SqliteStore, now: float) -> None:
    """A process begins the chore and dies."""
    task(store, now, "other").acquire("90d")


@pytest.mark.parametrize("noted", [done, begun])
def test_a_clock_that_went_back_stops_a_chore_once(
    store: SqliteStore, noted: Callable[[SqliteStore, float], None]
) -> None:
    """It is refused in words; the next claim goes by this machine's clock, instead of waiting for years."""
    noted(store, NOW + YEAR_S)
    with pytest.raises(ClockWentBack, match="so a clock is wrong and nothing is done; correct this machine's clock"):
        task(store, NOW).acquire("90d", every_s=86_400)
    again = task(store, NOW + 86_401)
    assert again.acquire("90d", every_s=86_400) == "", "it is due a day later at most"


def test_clocks_may_differ_by_a_lease(store: SqliteStore) -> None:
    """Machines whose clocks differ by seconds do not disturb each other."""
    done(store, NOW + 30)
    assert task(store, NOW).acquire("90d", every_s=86_400) is None, "it was done less than a day ago"
