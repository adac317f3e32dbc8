"""Several writers at once: any schedule of their store calls, and any crash, leaves the bytes of a single writer.

Each event goes to one writer only, so no writer can repair what another one got wrong, and no reconcile runs before the
comparison. One integer makes a case again: `make schedules SEED=...`; `make schedules COUNT=...` runs more of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, GraphStore, NotExists, PropertyEquals
from tests.support.writers.checking import check
from tests.support.writers.concurrent_writers import (
    SCHEDULES,
    case,
    in_memory,
    play,
    seeds,
    wider_case,
)
from tests.support.writers.shrinking import shrunk

SHARES = 4
"""Parts of the work, for as many processes; each part has cases of all kinds."""

SHARE = -(-SCHEDULES // (2 * SHARES))
"""Schedules of one part: half of all are of wider histories."""


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("share", range(SHARES))
def test_any_schedule(share: int) -> None:
    """Two or three writers, crashes, a reconcile or prunes beside them: the graph of one writer, nothing to repair."""
    check(case(seed) for seed in seeds(share * SHARE, SHARE))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("share", range(SHARES))
def test_any_schedule_of_wider_histories(share: int) -> None:
    """The same with more facets and kinds of names, several chores at once, other rules for each writer, lost answers.

    Names are crowded with few links in some of the cases.
    """
    check(wider_case(seed) for seed in seeds(share * SHARE, SHARE))


def test_a_job_becomes_a_stream_beside_a_reconcile() -> None:
    """A reconcile that has read the job before another writer made it a stream counts its runs once more."""
    check([case(6110)])


class Careless(SqliteStore):
    """A store that carries out each change whatever its condition says, so that writers overwrite each other."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Carries out all changes."""
        for change in changes:
            there = self.read([change.owner.id]).get(change.owner.id)
            when = NotExists() if there is None else PropertyEquals("label", change.owner.label)
            owner = change.owner._replace(properties={**change.owner.properties, "label": change.owner.label})
            super().write([replace(change, owner=owner, when=when)])
        return set()


class CarelessGround:
    """Graphs on which writers overwrite each other."""

    def stores(self, count: int) -> Sequence[GraphStore]:
        """Stores on one empty graph."""
        return [Careless()] * count


class TestScheduler:
    """The means of this test are themselves right: repeatable, and able to find a fault."""

    @pytest.mark.parametrize("seed", range(8))
    def test_a_seed_repeats_its_schedule(self, seed: int) -> None:
        """One seed makes the same store calls in the same order each time."""
        with in_memory() as ground:
            first, second = play(case(seed), ground), play(case(seed), ground)
            taken = play(replace(case(seed), turns=first.turns), ground)
        assert first == second
        assert taken.turns == first.turns, "the turns that were taken are a schedule of their own"

    def test_crashes_happen(self) -> None:
        """Writers die in most of the cases that plan a crash, and their batches are delivered again."""
        with in_memory() as ground:
            planned = [one for one in map(case, range(80)) if one.crash is not None and one.kind == "writers"]
            other = sum(play(one, ground).turns != play(replace(one, crash=None), ground).turns for one in planned)
        assert other > len(planned) // 3

    def test_lost_updates_are_found_and_made_small(self) -> None:
        """On a store without conditions some schedules go wrong, and what is printed of one is short."""
        ground = CarelessGround()
        found = ((one, play(one, ground)) for one in map(case, range(400)) if one.kind == "writers")
        one, result = next((one, result) for one, result in found if result.severity == 2)
        small, smaller = shrunk(one, result, ground, plays=300)
        assert smaller.severity == 2
        assert len(small.events) <= min(len(one.events), 4)
        assert len(smaller.turns) <= min(len(result.turns), 8)
        assert play(small, ground) == smaller
