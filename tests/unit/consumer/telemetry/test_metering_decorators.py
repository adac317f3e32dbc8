"""The meters in front of a store and of the dead letters: they count, and change nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from consumer.errors import HeadwaterError, TransientError
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Change, Edge, GraphStore, NotExists, PropertyEquals, Vertex
from consumer.processing.dead_letter import DeadLetter
from consumer.processing.record import Record
from consumer.telemetry.metering_decorators import MeteredDeadLetters, MeteredStore, rejection_kind
from consumer.telemetry.metrics import Metrics

NODE = Change(
    Vertex("a", "node", {"stamp": "1"}), NotExists(), PropertyEquals("stamp", "1"), (Edge("e", "to", "a", "a", {}),)
)


class Failing(SqliteStore):
    """A store that can be switched off."""

    error: HeadwaterError | None = None

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Writes, or fails as told."""
        if self.error is not None:
            raise self.error
        return super().write(changes)


class World:
    """A metered store and what it tells."""

    def __init__(self) -> None:
        self.inner = Failing(Path(":memory:"))
        self.metrics = Metrics()
        self.reached = threading.Event()
        self.ticks = iter(range(100))
        # Each look at the clock is a second later.
        self.store: GraphStore = MeteredStore(
            self.inner, self.metrics, self.reached.set, lambda: float(next(self.ticks))
        )

    def requests(self, operation: str, outcome: str) -> tuple[float | None, float | None]:
        """How many there were, and how many seconds they took."""
        labels = {"operation": operation, "outcome": outcome}
        name = "headwater_graph_request_seconds"
        value = self.metrics.registry.get_sample_value
        return value(f"{name}_count", labels), value(f"{name}_sum", labels)

    def changes(self, outcome: str) -> float | None:
        """How many changes ended so."""
        return self.metrics.registry.get_sample_value("headwater_graph_changes_total", {"outcome": outcome})


@pytest.fixture
def world() -> Iterator[World]:
    """An empty store."""
    made = World()
    with closing(made.store):
        yield made


def test_every_operation_is_passed_on_and_timed(world: World) -> None:
    """The answers are the store's."""
    assert world.store.write([NODE]) == set()
    assert world.store.read(["a", "b"], ["stamp"]) == {"a": {"stamp": "1"}}
    assert [edge.id for edge in world.store.edges_at(["a"], "to", "in")] == ["e"]
    assert [vertex.id for vertex in world.store.vertices("node")] == ["a"]
    assert [edge.id for edge in world.store.edges("to")] == ["e"]
    for operation in ("read", "write", "edges_at", "vertices", "edges"):
        assert world.requests(operation, "ok") == (1, 1), operation
    assert world.reached.is_set()


def test_changes_that_came_too_late(world: World) -> None:
    """What another writer had done before is told apart."""
    world.store.write([NODE])
    other = Change(Vertex("a", "node", {"stamp": "2"}), NotExists(), PropertyEquals("stamp", "2"))
    assert world.store.write([other]) == {"a"}
    assert (world.changes("applied"), world.changes("conflict")) == (1, 1)


@pytest.mark.parametrize(
    ("error", "outcome"), [(TransientError("down"), "unavailable"), (HeadwaterError("never"), "refused")]
)
def test_failures(world: World, error: HeadwaterError, outcome: str) -> None:
    """They are counted, and raised as they are; the sink counts as not reached."""
    world.inner.error = error
    with pytest.raises(HeadwaterError) as raised:
        world.store.write([NODE])
    assert raised.value is error
    assert world.requests("write", outcome) == (1, 1)
    assert (world.changes("applied"), world.reached.is_set()) == (0, False)


def test_an_iteration_that_is_left(world: World) -> None:
    """Whoever has seen enough has not failed."""
    world.store.write([NODE])
    with closing(world.store.vertices("node")) as vertices:  # type: ignore[type-var] # it is a generator
        next(vertices)
    assert world.requests("vertices", "ok")[0] == 1


class Letters:
    """Keeps letters, or fails."""

    def __init__(self) -> None:
        self.kept: list[DeadLetter] = []
        self.fails = False

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps them, or none."""
        if self.fails:
            raise TransientError("the broker is away")
        self.kept += letters

    def close(self) -> None:
        """Has nothing to give back."""


def letter(value: bytes | None, path: str = "$") -> DeadLetter:
    """A rejected record."""
    return DeadLetter(Record("t", 0, 1, None, value, 0), "because", path)


def test_letters_count_once_they_are_kept() -> None:
    """Not when the broker did not take them; the next try counts."""
    letters, metrics = Letters(), Metrics()
    metered = MeteredDeadLetters(letters, metrics)
    letters.fails = True
    with pytest.raises(TransientError):
        metered.write([letter(None)])
    letters.fails = False
    metered.write([letter(None)])
    value = metrics.registry.get_sample_value("headwater_dead_letters_total", {"kind": "tombstone"})
    assert (value, len(letters.kept)) == (1, 1)


@pytest.mark.parametrize(
    ("rejected", "kind"),
    [
        (letter(None), "tombstone"),
        (letter(b"{]"), "document"),
        (letter(b"[]"), "document"),
        (letter(b"x", "$.eventTime"), "time"),
        (letter(b"x", "$.run.runId"), "run"),
        (letter(b"x", "$.job"), "job"),
        (letter(b"x", "$.inputs[3].name"), "dataset"),
        (letter(b"x", "$.outputs"), "dataset"),
        (letter(b"x", "$.somebody's own"), "other"),
        (letter(b'{"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "a", "name": "b"}}'), "refused"),
    ],
)
def test_kinds(rejected: DeadLetter, kind: str) -> None:
    """Few words for many reasons; an event that decodes was refused by the graph."""
    assert rejection_kind(rejected) == kind
