"""A set of the members that were added or looked for last, in a fourth of the memory that an LRU cache takes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from consumer.caches.recent_map import RecentMap

M = TypeVar("M", bound=Hashable)


class RecentSet(Generic[M]):
    """Members of two generations, as `RecentMap` keeps its entries.

    Args:
        generation: How many members a generation has: so many that were used last are there, and up to twice as many.
    """

    def __init__(self, generation: int) -> None:
        self._members: RecentMap[M, bool] = RecentMap(generation)

    def __contains__(self, member: M) -> bool:
        """True if a member is there, which then counts as used."""
        return self._members.get(member) is not None

    def add(self, member: M) -> None:
        """Adds a member."""
        self._members.put(member, value=True)

    def clear(self) -> None:
        """Removes all members."""
        self._members.clear()
