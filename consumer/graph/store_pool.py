"""Stores that are open, each used by one query at a time: to open one may take long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from consumer.errors import HeadwaterError, TransientError, UnusableGraph
from consumer.graph.sqlite_store import read_snapshot
from consumer.graph.store import GraphStore

T = TypeVar("T")


class StorePool:
    """Opens as many stores as are used at once; any thread may use it.

    Args:
        open_store: Opens a store.
    """

    def __init__(self, open_store: Callable[[], GraphStore]) -> None:
        self._open_store = open_store
        self._idle: deque[GraphStore] = deque()

    @contextmanager
    def _lease(self) -> Iterator[GraphStore]:
        """Yields a store for one query; one that fails is closed, any other is used again.

        Raises:
            TransientError: No store can be opened now.
        """
        try:
            store = self._idle.pop()
        except IndexError:
            store = self._open_store()
        try:
            yield store
        except (TransientError, UnusableGraph):
            _close(store)
            raise
        except BaseException:
            self._idle.append(store)
            raise
        self._idle.append(store)

    def read(self, query: Callable[[GraphStore], T]) -> T:
        """Runs a query on a store, on one state of the graph where the store can give that.

        Raises:
            TransientError: No store can be opened now.
            HeadwaterError: The query's error.
        """
        with self._lease() as store, read_snapshot(store):
            return query(store)

    def close(self) -> None:
        """Closes the stores that are idle."""
        while self._idle:
            _close(self._idle.pop())


def _close(store: GraphStore) -> None:
    with suppress(HeadwaterError):
        store.close()
