"""A graph's store and the dead letters, each with a meter in front of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from consumer.errors import TransientError
from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties, Vertex
from consumer.processing.dead_letter import DeadLetter, DeadLetters
from consumer.telemetry.metrics import CHANGES, DEAD_LETTERS, REQUEST_SECONDS, Metrics
from schemas.decode import decode
from schemas.errors import RejectedEvent


class MeteredStore:
    """Counts and times what is asked of a store.

    Args:
        store: The one that does the work.
        metrics: What is told.
        reached: Told when the store has answered.
        clock: Seconds; monotonic.
    """

    def __init__(
        self,
        store: GraphStore,
        metrics: Metrics,
        reached: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._seconds = metrics[REQUEST_SECONDS]
        self._changes = metrics[CHANGES]
        self._reached = reached
        self._clock = clock

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """The properties of vertices, by id."""
        with self._timed("read"):
            return self._store.read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes; returns the owners of those that were not done."""
        with self._timed("write"):
            overtaken = self._store.write(changes)
        self._changes.labels("overtaken").inc(len(overtaken))
        self._changes.labels("done").inc(len(changes) - len(overtaken))
        return overtaken

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """The edges of a label that leave or enter vertices."""
        with self._timed("edges_at"):
            return self._store.edges_at(ids, label, direction)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """The first ids of vertices of a label after a given one."""
        with self._timed("vertices"):
            return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """All vertices of a label; timed until the last one is taken."""
        with self._timed("vertices"):
            yield from self._store.vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """All edges of a label; timed until the last one is taken."""
        with self._timed("edges"):
            yield from self._store.edges(label)

    def close(self) -> None:
        """Closes the store."""
        self._store.close()

    @contextmanager
    def _timed(self, operation: str) -> Iterator[None]:
        began, outcome = self._clock(), "refused"
        try:
            yield
            outcome = "ok"
            self._reached()
        except GeneratorExit:
            outcome = "ok"  # whoever iterated has seen enough
            raise
        except TransientError:
            outcome = "unavailable"
            raise
        finally:
            self._seconds.labels(operation, outcome).observe(self._clock() - began)


class MeteredDeadLetters:
    """Counts dead letters by what is wrong with them."""

    def __init__(self, letters: DeadLetters, metrics: Metrics) -> None:
        self._letters = letters
        self._written = metrics[DEAD_LETTERS]

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Keeps all of them before it returns."""
        self._letters.write(letters)
        for letter in letters:
            self._written.labels(kind_of(letter)).inc()

    def close(self) -> None:
        """Closes what is behind it."""
        self._letters.close()


_PARTS: Final[Mapping[str, str]] = {
    "eventTime": "time",
    "run": "run",
    "job": "job",
    "dataset": "dataset",
    "inputs": "dataset",
    "outputs": "dataset",
}


def kind_of(letter: DeadLetter) -> str:
    """Why a record was rejected, as one of few words; the letter itself has the reason.

    `document`: it is no JSON, or no event at all. `time`, `run`, `job`, `dataset`: that part of the event is wrong.
    `refused`: it is an event, and the sink does not take it.
    """
    value = letter.record.value
    if value is None:
        return "tombstone"
    if letter.path != "$":
        part = letter.path.removeprefix("$.").partition(".")[0].partition("[")[0]
        return _PARTS.get(part, "other")
    try:
        decode(value)
    except RejectedEvent:
        return "document"
    return "refused"
