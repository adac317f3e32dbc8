"""The n-th ordinary event costs what the first ones did, counted in what is asked of the store and not timed.

`make bench WHAT=cost` shows the same rows at full length, with times.
"""

from __future__ import annotations

import os
from contextlib import closing

import pytest

from tests.support.graph.request_counts import ROWS, Cost, Row, Sequenced, Window, windows

EVENTS = int(os.environ.get("COST_EVENTS", "600"))
"""How many events of each row are written; a cost that grows shows itself at a few hundred."""

MOST_GROWTH = 1.5
"""How many times the first window's cost a later one's may be."""

SLACK = Cost(calls=1, ids=2, edges=1, read=400, written=400, steps=1, instructions=200)
"""What a later event may cost besides: numbers become longer, and a few counts vary by one."""

MOST_CHARS = 64 * 1024
"""The length that no property may exceed, however many events there were."""


MOST_CHARS_OF_ONE = 1_000
"""Characters of a property for each thing that is current, where an event may cost as much as there is."""


def expect_constant(first: Window, later: Window, times: float = 1) -> None:
    """A later window must not cost more than the first one, or than so many times as much."""
    for what in ("warm", "cold"):
        begin, end = getattr(first, what), getattr(later, what)
        grown = {
            name: f"{was:,.1f} -> {now:,.1f}"
            for name, was, now, slack in zip(Cost._fields, begin, end, SLACK, strict=True)
            if now > MOST_GROWTH * times * was + slack
        }
        assert not grown, f"after {later.before} events one costs a {what} writer more than at first: {grown}"
    most = MOST_CHARS if times == 1 else MOST_CHARS_OF_ONE * later.before
    assert later.largest <= most, f"after {later.before} events {later.largest_at} has {later.largest} characters"


@pytest.mark.parametrize("row", [row for row in ROWS if not row.all_current], ids=lambda row: row.name)
def test_an_event_costs_what_the_first_did(row: Row) -> None:
    """Calls, ids, edges, characters, steps and SQLite's work are those of the first hundred, and no value grows."""
    found = windows(row, (EVENTS // 3, EVENTS))
    begin = next(found)
    for later in found:
        expect_constant(begin, later)
    assert later.before > 3 * begin.before, "these are too few events to compare: set COST_EVENTS to 500 at least"


@pytest.mark.parametrize("row", [row for row in ROWS if row.all_current], ids=lambda row: row.name)
def test_an_event_costs_what_is_current(row: Row) -> None:
    """Where all is current at once, an event costs at most in proportion to it."""
    found = windows(row, (EVENTS // 3,))
    begin = next(found)
    middle = begin.before / 2
    for later in found:
        expect_constant(begin, later, (later.before - middle) / middle)


@pytest.mark.parametrize("row", [row for row in ROWS if row.stays is not None], ids=lambda row: row.name)
def test_old_runs_go(row: Row) -> None:
    """A prune removes all but the few runs on which lineage rests."""
    with closing(Sequenced(row)) as sequence:
        sequence.skip(EVENTS // 4)
        gone, left = sequence.pruned()
    assert row.stays is not None
    assert gone
    assert left <= row.stays, f"{left} runs stay, {gone} are gone"
