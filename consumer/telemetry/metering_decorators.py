"""Metering decorators of a graph's store and of dead letters."""

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
    """Graph store that counts and times the calls of another.

    Args:
        store: The metered store.
        metrics: The metrics to count in.
        reached: Called when the store has responded.
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
        """Returns the properties of vertices, by id."""
        with self._timed("read"):
            return self._store.read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Applies changes; returns the owners of those in conflict."""
        with self._timed("write"):
            conflicts = self._store.write(changes)
        self._changes.labels("conflict").inc(len(conflicts))
        self._changes.labels("applied").inc(len(changes) - len(conflicts))
        return conflicts

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        with self._timed("edges_at"):
            return self._store.edges_at(ids, label, direction)

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        with self._timed("latest_at"):
            return self._store.latest_at(ids, label, until, count, keys)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given one."""
        with self._timed("vertices"):
            return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label; timed until the last one is consumed."""
        with self._timed("vertices"):
            yield from self._store.vertices(label)

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label; timed until the last one is consumed."""
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
            outcome = "ok"  # the caller stopped iterating
            raise
        except TransientError:
            outcome = "unavailable"
            raise
        finally:
            self._seconds.labels(operation, outcome).observe(self._clock() - began)


class MeteredDeadLetters:
    """Destination of dead letters that counts them by kind."""

    def __init__(self, letters: DeadLetters, metrics: Metrics) -> None:
        self._letters = letters
        self._written = metrics[DEAD_LETTERS]

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Stores all dead letters before it returns."""
        self._letters.write(letters)
        for letter in letters:
            self._written.labels(rejection_kind(letter)).inc()

    def close(self) -> None:
        """Closes the destination."""
        self._letters.close()


_PARTS: Final[Mapping[str, str]] = {
    "eventTime": "time",
    "run": "run",
    "job": "job",
    "dataset": "dataset",
    "inputs": "dataset",
    "outputs": "dataset",
}


def rejection_kind(letter: DeadLetter) -> str:
    """Returns the kind of a rejection as one of a few words; the dead letter has the reason.

    `document`: not JSON, or not an event. `time`, `run`, `job`, `dataset`: that part of the event is invalid.
        `refused`: a
    valid event that the sink rejects.
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
