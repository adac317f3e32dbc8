"""How much work events make, counted and not timed: it grows with what they say, and not with its square."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from consumer.graph import schema
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, Properties
from consumer.lineage.edge_limits import MAX_EDGES
from consumer.projection.graph_writer import Cached, GraphWriter
from schemas.limits import MAX_SYMLINKS
from tests.support.events.event_builders import Json, columns, dataset, dataset_event, run_event
from tests.support.graph.graph_of_events import folded

SMALL = Cached(*[1 << 16] * 5)
"""Caches that a few dozen documents fill, so that what is asked for again is read again."""


class Weighing(SqliteStore):
    """An embedded store that counts what is asked of it and given to it.

    Attributes:
        requests: Reads.
        read_ids: Ids that were read.
        steps: Changes and their steps.
        chars: Characters of the properties that were read or written.
    """

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self.requests = self.read_ids = self.steps = self.chars = 0

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Counts the ids, and what is found of them."""
        found = super().read(ids, keys)
        self.requests += 1
        self.read_ids += len(ids)
        self.chars += sum(map(_chars, found.values()))
        return found

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Counts the steps, and what is set."""
        self.steps += sum(1 + len(change.steps) for change in changes)
        self.chars += sum(_chars(change.owner.properties) for change in changes)
        return super().write(changes)


def _chars(properties: Properties) -> int:
    return sum(len(str(value)) for value in properties.values())


def work(before: Iterable[Json], last: Json) -> Weighing:
    """A store that has counted the work of the last of some events, done by a writer that knows nothing yet."""
    with closing(Weighing()) as store:
        GraphWriter(store).apply(folded(before))
        store.requests = store.read_ids = store.steps = store.chars = 0
        GraphWriter(store, SMALL).apply(folded([last]))
        return store


def linked(table: str, first: int, count: int) -> Json:
    """An event that gives a table so many other names."""
    others = [{"namespace": "other", "name": f"t{number:06}"} for number in range(first, first + count)]
    return dataset_event(1, dataset(table, symlinks={"identifiers": others}))


def one_more_name(count: int) -> Weighing:
    """A dataset of so many names gets another one."""
    before = [linked("t", first, MAX_SYMLINKS) for first in range(0, count, MAX_SYMLINKS)]
    return work(before, linked("t", count, 1))


def many_names(count: int) -> Weighing:
    """Datasets that share a name join in one event, which says as many names as an event may."""
    inputs = [linked(f"t{at}", at - at // MAX_SYMLINKS, MAX_SYMLINKS)["dataset"] for at in range(0, count, 100)]
    return work([], run_event("COMPLETE", 1, inputs=inputs, outputs=["out"]))


def many_inputs(count: int) -> Weighing:
    """A table that is made of so many."""
    return work([], run_event("COMPLETE", 1, inputs=[f"i{number}" for number in range(count)], outputs=["out"]))


def many_outputs(count: int) -> Weighing:
    """So many tables that are made of one, with a column each."""
    outputs = [dataset(f"o{number}", schema=columns("x")) for number in range(count)]
    return work([], run_event("COMPLETE", 1, inputs=["i"], outputs=outputs))


@pytest.mark.parametrize("made", [one_more_name, many_names, many_inputs, many_outputs])
def test_work_grows_with_what_is_said(made: Callable[[int], Weighing]) -> None:
    """Four times as much takes about four times the reads and writes, and a square would take sixteen times."""
    little, much = made(400), made(1_600)
    for what in ("read_ids", "steps", "chars"):
        assert getattr(much, what) < 6 * getattr(little, what), f"{what} grow faster than what is said"
    assert much.requests < little.requests + 10, "what could be asked for together is asked for one by one"


def test_a_name_among_many_is_short() -> None:
    """However many names a dataset has, the facts of each take a bounded length."""
    with closing(Weighing()) as store:
        GraphWriter(store).apply(folded(linked("t", first, MAX_SYMLINKS) for first in range(0, 1_000, MAX_SYMLINKS)))
        lengths = sorted(_chars(vertex.properties) for vertex in store.vertices(schema.NAME))
    assert len(lengths) == 1_001
    # The one that has all the links says so.
    assert lengths[-2] < 1_000


def test_edges_of_one_job_are_bounded() -> None:
    """Events that are each small enough add up to no more than one job may have."""
    with closing(Weighing()) as store:
        writer = GraphWriter(store)
        writer.apply(folded([run_event("START", 1, inputs=[f"i{number}" for number in range(1_500)])]))
        writer.apply(folded([run_event("COMPLETE", 2, outputs=[f"o{number}" for number in range(1_500)])]))
        assert sum(1 for _ in store.edges(schema.EDGE)) <= MAX_EDGES
        assert sum(1 for _ in store.edges(schema.READS)) == 1_500
        assert sum(1 for _ in store.edges(schema.WRITES)) == 1_500
        assert store.steps < 5 * MAX_EDGES


def test_a_dataset_too_wide_to_keep_at_hand_is_drawn() -> None:
    """What a cache can't hold is written all the same."""
    event = dataset_event(1, dataset("t", schema=columns(*(f"c{number}" for number in range(3_000)))))
    with closing(Weighing()) as store:
        GraphWriter(store, SMALL).apply(folded([event]))
        assert sum(1 for _ in store.vertices(schema.COLUMN)) == 3_000
