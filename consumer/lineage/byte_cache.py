"""Results of pure functions, kept within a number of bytes.

`functools.lru_cache` counts entries, whatever their size; a facet has a hundred bytes or a megabyte, so what it holds
could be anything. A least-recently-used order by hand costs more than it saves here; two generations do not: what was
asked for lately is in the young one, and when that is full it becomes the old one, whose content goes when the next one
is full.
"""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

OVERHEAD = 400
"""Bytes of an entry beside what its maker weighs: the objects around it."""


class Memo(Generic[K, V]):
    """Remembers what was made of keys; safe for several threads, which may make the same thing twice.

    Args:
        most_bytes: How much is kept at most, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self._half = most_bytes // 2
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._weight = 0

    def get(self, key: K) -> V | None:
        """What is remembered; None if nothing is."""
        found = self._young.get(key)
        if found is not None:
            return found[0]
        found = self._old.get(key)
        if found is None:
            return None
        self.put(key, *found)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> V:
        """Remembers a value, unless it alone is too large; returns it.

        Args:
            key: What it was made of.
            value: What it is; not None.
            weight: Bytes of both.
        """
        weight = max(weight, OVERHEAD)
        if weight > self._half // 8:
            return value
        if self._weight + weight > self._half:
            self._old, self._young, self._weight = self._young, {}, 0
        self._young[key] = value, weight
        self._weight += weight
        return value
