"""The moments at which a neighbourhood changed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from consumer.graph.sqlite_store import SqliteStore
from consumer.query.resolve import resolve
from consumer.query.traversal.moments import moments
from tests.support.events.event_builders import run_event
from tests.support.graph.graph_of_events import write
from tests.support.graph.happened import time_of


def made(second: int, job: str, source: str, target: str) -> dict[str, object]:
    """A run of a job that makes one dataset from another."""
    return run_event("COMPLETE", second, run=f"r{second}", job=job, inputs=[source], outputs=[target])


EVENTS = [
    made(1, "first", "raw", "a"),
    made(2, "second", "a", "end"),
    made(3, "first", "other", "a"),
    made(4, "second", "b", "end"),
    made(5, "first", "raw", "a"),
    made(6, "third", "c", "d"),
]


def times(steps: int) -> list[str]:
    """The moments of `end` with so many steps upstream."""
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [[event] for event in EVENTS])
        return [moment.time for moment in moments(store, resolve(store, "end"), steps, 0)]


def seconds(*numbers: int) -> list[str]:
    """The times of events."""
    return [time_of(EVENTS[number - 1]) for number in numbers]


def test_what_led_there_before_counts_too() -> None:
    """`a` leads to `end` no more, and its changes are moments; those of what was never near are none."""
    assert times(1) == seconds(1, 2, 3, 4, 5)
    assert times(2) == seconds(1, 2, 3, 4, 5)


def test_what_is_farther_than_asked_for_does_not_count() -> None:
    """Without a step only the dataset itself counts."""
    assert times(0) == seconds(2, 4)
