"""A map of the entries that were set or looked for last, in half of the memory that an LRU cache takes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentMap(Generic[K, V]):
    """Entries of two generations; when the young one is full, the old one goes and the young one is the old one.

    Args:
        generation: How many entries a generation has: so many that were used last are there, and up to twice as many.
    """

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Returns the value of a key, which then counts as used; None if there is none."""
        found = self._young.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Sets the value of a key."""
        if len(self._young) >= self._generation and key not in self._young:
            self._young, self._old = {}, self._young
        self._young[key] = value

    def clear(self) -> None:
        """Removes all entries."""
        self._young.clear()
        self._old.clear()
