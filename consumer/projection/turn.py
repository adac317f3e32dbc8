"""The right to compute, which one of several threads of a writer has at a time.

Threads that write batches share the writer's caches. A thread keeps the right until it waits for the store, so between
two calls of the store it is alone with the caches, and what the others did meanwhile looks to it like another
writer's work, which it is made for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Self, TypeVar

from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.key_order import KeyOrder
from consumer.graph.store import Change, Direction, Edge, GraphStore, Properties, Vertex

K = TypeVar("K", bound=Hashable)


class Turn:
    """The right itself; a context within which a thread has it."""

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._holder: int | None = None
        self.claiming: set[int] = set()
        """The threads that hold claims."""

    def __enter__(self) -> Self:
        self._changed.acquire()
        self._holder = threading.get_ident()
        return self

    def __exit__(self, *_: object) -> None:
        self._holder = None
        self._changed.release()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Gives the right to others for a while; does nothing on a thread that does not have it."""
        if self._holder != threading.get_ident():
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Gives the right to others until a condition holds that they bring about.

        Raises:
            RuntimeError: It does not hold, and the thread does not have the right, so no other can work for it.
        """
        if condition():
            return
        if self._holder != threading.get_ident():
            raise RuntimeError("a writer is used by several threads other than by its `apply`; give each its own")
        while not condition():
            self._holder = None
            self._changed.wait()
            self._holder = threading.get_ident()

    def changed(self) -> None:
        """Has the threads look again that wait for a condition; the calling one has the right, or is the only one."""
        if self._holder == threading.get_ident():
            self._changed.notify_all()


class Claims(Generic[K]):
    """Claims of threads on documents that they are about to change; others wait instead of losing a compare-and-set.

    They only save work: what guards a document is its token. So a thread that holds claims already does without
    further ones rather than wait for them, and no two threads wait for each other.

    Args:
        turn: Of the writer.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._order: KeyOrder[K] = KeyOrder()

    @contextmanager
    def of(self, keys: set[K]) -> Iterator[None]:
        """Claims keys within."""
        me = threading.get_ident()
        if me in self._turn.claiming:
            yield
            return
        ticket = self._order.enter(keys)
        try:
            self._turn.wait_until(lambda: ticket.is_free)
            self._turn.claiming.add(me)
            yield
        finally:
            self._turn.claiming.discard(me)
            self._order.leave(ticket)
            self._turn.changed()


class Shared(DelegatingStore):
    """A store of which several threads of a writer may ask something at once; the turn passes on while one waits.

    Args:
        store: The store, for any number of threads.
        turn: Of the writer.
    """

    def __init__(self, store: GraphStore, turn: Turn) -> None:
        super().__init__(store)
        self.turn = turn

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Returns the properties of vertices, by id."""
        with self.turn.away():
            return self._store.read(ids, keys)

    def write(self, changes: Sequence[Change]) -> set[str]:
        """Does changes; returns the owners of those that were not done."""
        with self.turn.away():
            return self._store.write(changes)

    def edges_at(self, ids: Collection[str], label: str, direction: Direction) -> list[Edge]:
        """Returns the edges of a label that leave or enter vertices."""
        with self.turn.away():
            return self._store.edges_at(ids, label, direction)

    def latest_at(
        self, ids: Collection[str], label: str, until: tuple[str, str], count: int, keys: Sequence[str]
    ) -> dict[str, dict[str, Properties]]:
        """Returns the vertices that edges of a label come from, the latest ones by a property."""
        with self.turn.away():
            return self._store.latest_at(ids, label, until, count, keys)

    def ids(self, label: str, after: str, count: int) -> list[str]:
        """Returns the first ids of vertices of a label after a given one."""
        with self.turn.away():
            return self._store.ids(label, after, count)

    def vertices(self, label: str) -> Iterator[Vertex]:
        """Yields all vertices of a label."""
        with self.turn.away():
            return iter(list(self._store.vertices(label)))

    def edges(self, label: str) -> Iterator[Edge]:
        """Yields all edges of a label."""
        with self.turn.away():
            return iter(list(self._store.edges(label)))


def turn_of(store: GraphStore) -> Turn:
    """Returns the turn of the threads that share a store; a new one where only one thread uses it."""
    return store.turn if isinstance(store, Shared) else Turn()
