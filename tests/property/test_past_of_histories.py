"""Law 6 on short histories of every kind of event: each question has the answer of what had happened by then."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.graph.sqlite_store import SqliteStore
from tests.support.events.event_builders import BATCH, STREAMING, dataset, made_of, run_event
from tests.support.events.mixed_histories import histories
from tests.support.examples import examples
from tests.support.graph.graph_of_events import write
from tests.support.graph.happened import time_of
from tests.support.graph.past_checks import check_moment

BOTH = [
    run_event("COMPLETE", 4, run="r1", job="k", inputs=["b"], outputs=["b"], job_facets=BATCH),
    run_event("COMPLETE", 2, run="s1", job="k", inputs=["a"], outputs=["b"], job_facets=STREAMING),
    run_event("COMPLETE", 3, run="r1", job="k", inputs=["m"], outputs=[dataset("b", columnLineage=made_of(x="m.x"))]),
]
"""A stream whose next run ends; what that run states of its type had not happened while it went on."""

DROP = {"lifecycleStateChange": "DROP"}
ALIKE = [
    run_event("START", 1, run="s0", job="k", inputs=["a"], outputs=["a"], job_facets=STREAMING),
    run_event("COMPLETE", 2, run="q2", job="j", inputs=["a"], outputs=[dataset("a", lifecycleStateChange=DROP)]),
    run_event("COMPLETE", 3, run="q3", job="k", inputs=["a"], outputs=[dataset("a", lifecycleStateChange=DROP)]),
]
"""Runs of two jobs that state the same, of which one streams, so that both are drawn in memory and share a text."""


@settings(max_examples=examples(50), deadline=None)
@given(histories(), st.integers(0, 4), st.booleans())
@example(ALIKE, 2, False)  # noqa: FBT003 - as it is drawn
@example(BOTH, 1, True)  # noqa: FBT003 - as it is drawn
def test_the_past_of_any_history(events: list[Any], at: int, is_apart: bool) -> None:  # noqa: FBT001 - drawn
    """One event at a time, in any order: at the time of one of them, walks, answers and the whole graph are right."""
    times = sorted(map(time_of, events))
    with closing(SqliteStore(Path(":memory:"))) as store:
        write(store, [[event] for event in events])
        check_moment(store, events, times[at % len(times)], is_apart=is_apart)
