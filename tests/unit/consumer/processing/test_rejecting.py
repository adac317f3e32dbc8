"""What can't be folded: found among the rest, kept, and not too much of it."""

from __future__ import annotations

import pytest

from consumer.config.settings import DeadLetterSettings
from consumer.processing.dead_letter_limit import DeadLetterLimitExceeded
from consumer.processing.record import Record
from tests.support.brokers.loop_harness import DOWN, P0, World, record


def test_what_the_sink_refuses_is_found_by_halving() -> None:
    """One event that the graph does not take costs itself only; all the others are written, and its letter says why."""
    world = World([record(place, b"%d" % place) for place in range(9)])
    world.refused = {b"5"}
    world.run(max_records=9)
    written = {event for kind, detail in world.did if kind == "write" for event in detail}
    assert written == {b"%d" % place for place in range(9)} - {b"5"}
    assert world.all("letters") == [[(5, "$", "refused: 5")]]
    assert world.all("commit") == [{P0: 9}]
    assert [(r.records, r.events, r.rejected) for r in world.reports] == [(9, 8, 1)]


def test_what_is_refused_is_told_once_however_often_the_rest_fails() -> None:
    """A culprit that was found stays found while the sink can't take the others."""
    world = World([record(0, b"0"), record(1, b"1"), record(2, b"2")], writes=[None, DOWN, DOWN])
    world.refused = {b"0"}
    world.run()
    assert world.all("letters") == [[(0, "$", "refused: 0")]]
    assert world.all("commit") == [{P0: 3}]


def test_flood_of_rejections_stops_it() -> None:
    """Too many rejected records in a row end the service before they are dead letters, in words that say what to do."""
    limits = DeadLetterSettings(limit_count=4, limit_ratio=0.5, limit_window=100)
    world = World(*([record(place, b"!" if place % 3 else b"a")] for place in range(30)))
    with pytest.raises(
        DeadLetterLimitExceeded, match=r"4 of the last 6 records were rejected.*events\[0\]@5.*\$\.job: no job"
    ):
        world.run(rejecting=limits, max_records=1)
    assert world.all("commit")[-1] == {P0: 5}, "the record that made it a flood is not passed over"
    assert len(world.all("letters")) == 3, "the flood's last letter was written"


def test_an_event_from_the_future_is_rejected() -> None:
    """By the record's own timestamp, and by our clock where the record has none or comes from the future, too."""
    day_ms, now_ms = 86_400_000, 1_577_836_800_000
    ahead = [Record(*P0, at, None, b"a", stamp) for at, stamp in enumerate((now_ms - 2 * day_ms, now_ms, 0))]
    world = World(ahead)
    world.wall = now_ms / 1000
    world.run()
    assert [offset for letters in world.all("letters") for offset, _, _ in letters] == [0]
    world = World(ahead)
    world.wall = now_ms / 1000 - 2 * 86_400
    world.run()
    assert [offset for letters in world.all("letters") for offset, _, _ in letters] == [0, 1, 2]


def test_some_rejections_are_no_flood() -> None:
    """As many rejections among more good records go on for ever."""
    limits = DeadLetterSettings(limit_count=4, limit_ratio=0.5, limit_window=10)
    world = World(*([record(place, b"!" if place % 3 == 0 else b"a")] for place in range(60)))
    world.run(rejecting=limits, max_records=1)
    assert world.all("commit")[-1] == {P0: 60}
