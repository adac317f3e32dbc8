"""A set of the members that were added or looked for last, in a fourth of the memory that an LRU cache takes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

M = TypeVar("M", bound=Hashable)


class RecentSet(Generic[M]):
    """Members of two generations; when the young one is full, the old one goes and the young one is the old one.

    Args:
        generation: How many members a generation has: so many that were used last are there, and up to twice as many.
    """

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._young: set[M] = set()
        self._old: set[M] = set()

    def __contains__(self, member: M) -> bool:
        """True if a member is there, which then counts as used."""
        if member in self._young:
            return True
        if member not in self._old:
            return False
        self.add(member)
        return True

    def add(self, member: M) -> None:
        """Adds a member."""
        if len(self._young) >= self._generation:
            self._young, self._old = set(), self._young
        self._young.add(member)

    def clear(self) -> None:
        """Removes all members."""
        self._young.clear()
        self._old.clear()
