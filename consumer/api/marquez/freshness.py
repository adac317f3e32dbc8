"""Values made by reading much of the graph: remembered, and made again so often that it costs a small share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from consumer.graph.store import GraphStore

T = TypeVar("T")

SHARE = 20
"""A value is used for this many times the time that it took to make it."""

MOST_AGE_S = 300.0
"""Seconds after which a value is made again, however long that takes."""


class Fresh(Generic[T]):
    """A value that is read from the graph when it is asked for, unless the one before is still young.

    Args:
        read: Reads the value.
        clock: Seconds; monotonic.
    """

    def __init__(self, read: Callable[[GraphStore], T], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._lock = threading.Lock()
        self._made: tuple[T, float, float] | None = None

    def get(self, store: GraphStore) -> T:
        """Returns the value; while another thread makes it again, the one before.

        Raises:
            TransientError: The store can't serve now.
        """
        made = self._made
        if made is not None and self._young(made):
            return made[0]
        if not self._lock.acquire(blocking=made is None) and made is not None:
            return made[0]
        try:
            made = self._made
            if made is None or not self._young(made):
                began = self._clock()
                value = self._read(store)
                made = self._made = (value, began, self._clock() - began)
            return made[0]
        finally:
            self._lock.release()

    def _young(self, made: tuple[T, float, float]) -> bool:
        _, began, took = made
        return self._clock() - began < min(SHARE * took, MOST_AGE_S)
