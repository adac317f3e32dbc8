"""The past after a prune."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.errors import UsageError
from consumer.graph import change_log
from consumer.graph.sqlite_store import SqliteStore
from consumer.history.past_graph import PastGraph, as_of
from consumer.maintenance.prune import Prune
from consumer.maintenance.prune_cutoffs import Cutoffs
from consumer.query.catalog.describe import describe
from consumer.query.resolve import resolve
from consumer.query.traversal.moments import moments
from consumer.query.traversal.traverse import lineage
from tests.support.events.event_builders import run_event
from tests.support.graph.graph_of_events import exported, write
from tests.support.graph.happened import happened, time_of
from tests.support.graph.logged import records

EVENTS = [
    run_event("COMPLETE", 1, run="r1", inputs=["a"], outputs=["made"]),
    run_event("COMPLETE", 2, run="r2", inputs=["b"], outputs=["made"]),
    run_event("COMPLETE", 3, run="r3", job="other", inputs=["made"], outputs=["last"]),
    run_event("COMPLETE", 5, run="r4", inputs=["b"], outputs=["made"]),
    run_event("COMPLETE", 7, run="r5", inputs=["c"], outputs=["made"]),
]
LINEAGE = ("reads", "writes", "dataset_edges", "column_edges")


def moment_of(second: int) -> str:
    """The time of an event of a second."""
    return time_of(run_event("COMPLETE", second))


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    """A graph from which the runs before second 4 are pruned, but for those that are current."""
    with closing(SqliteStore(Path(":memory:"))) as found:
        write(found, [EVENTS])
        before = moment_of(4)
        chore, place = Prune(found, lambda: Cutoffs(before, before), "test"), ""
        while (following := chore.step(place)) is not None:
            place = following
        assert chore.result.removed == 2
        yield found


def lineage_of(data: bytes) -> dict[str, Any]:
    """The edges of an export."""
    return {part: orjson.loads(data)[part] for part in LINEAGE}


def test_the_answer_says_since_when_all_is_known(store: SqliteStore) -> None:
    """Since the first run that is left of a job whose older runs are gone; from then on the past is what it was."""
    made, last = resolve(store, "made"), resolve(store, "last")
    asks: list[Callable[[PastGraph], object]] = [
        exported,
        lambda past: lineage(past, made, 1, 1),
        lambda past: describe(past, made.dataset),
    ]
    for ask in asks:
        with closing(as_of(store, moment_of(2))) as past:
            with suppress(UsageError):  # nothing is left of one of them
                ask(past)
            assert (past.known_since, past.is_incomplete) == (moment_of(5), True)
    with closing(as_of(store, moment_of(4))) as past:
        lineage(past, last, 0, 1)
        assert not past.is_incomplete, "of these jobs no run was pruned"
    for second in (5, 6, 7):
        with closing(as_of(store, moment_of(second))) as past, closing(SqliteStore(Path(":memory:"))) as fresh:
            write(fresh, [happened(EVENTS, moment_of(second))])
            assert not past.is_incomplete
            assert lineage_of(exported(past)) == lineage_of(exported(fresh))


def test_the_log_of_changes_stays(store: SqliteStore) -> None:
    """Old records leave the outbox, which nothing reads, and not the log; the moments are still known."""
    assert {record.time for record in records(store)} == {moment_of(second) for second in (1, 2, 3, 7)} | set()
    assert {entry.record.time for entry in change_log.pending(store, 99)} == {moment_of(7)}
    found = moments(store, resolve(store, "made"), 1, 1)
    assert moment_of(7) in {one.time for one in found}
    assert found == sorted(found)


def test_a_graph_that_was_never_pruned() -> None:
    """Everything is known."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [EVENTS])
        with closing(as_of(store, moment_of(1))) as past:
            assert (past.known_since, past.is_incomplete) == ("", False)
