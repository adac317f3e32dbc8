"""Results of pure functions, kept within a number of bytes.

`functools.lru_cache` counts entries, whatever their size; a facet has a hundred bytes or a megabyte, so what it holds
could be anything.

Which entry makes room for a new one is drawn by lot, not by its last use. Builds of a project ask for its models in the
same order each time: where they do not all fit, the least recently used one is always the next to be asked for, and
nothing would ever be found. By lot a share of them is, and a look-up has nothing to note.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

OVERHEAD: Final = 400
"""Bytes of an entry beside what its maker weighs: the objects around it."""

LARGEST_SHARE: Final = 16
"""An entry that takes more than one part in so many is not kept."""

_MULTIPLIER, _INCREMENT, _MODULUS = 6364136223846793005, 1442695040888963407, 1 << 64
"""Knuth's linear congruential generator (MMIX)."""


class Lots:
    """Lots that are the same in each process that does the same."""

    def __init__(self) -> None:
        self._lot = 0

    def draw(self, count: int) -> int:
        """Returns a number from 0 up to one less than a count."""
        self._lot = (self._lot * _MULTIPLIER + _INCREMENT) % _MODULUS
        return (self._lot >> 33) % count


class ByteCache(Generic[K, V]):
    """Remembers what was made of keys; safe for several threads, which may make the same thing twice.

    Args:
        most_bytes: How much is kept at most, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._values: dict[K, V] = {}
        self._weights: list[tuple[K, int]] = []
        self._weight = 0
        self._lots = Lots()
        self._lock = Lock()

    @property
    def weight(self) -> int:
        """Bytes that are kept, about."""
        return self._weight

    def get(self, key: K) -> V | None:
        """Returns the value of a key; None if it is not kept."""
        return self._values.get(key)

    def put(self, key: K, value: V, weight: int) -> V:
        """Keeps a value, unless it alone is too large; returns it.

        Args:
            key: What it was made of.
            value: What it is; not None.
            weight: Bytes of both.
        """
        weight = max(weight, OVERHEAD)
        if weight > self._most // LARGEST_SHARE:
            return value
        with self._lock:
            if key not in self._values:
                self._make_room(weight)
                self._weights.append((key, weight))
                self._weight += weight
            self._values[key] = value
        return value

    def _make_room(self, weight: int) -> None:
        while self._weight + weight > self._most:
            at = self._lots.draw(len(self._weights))
            key, freed = self._weights[at]
            self._weights[at] = self._weights[-1]
            self._weights.pop()
            del self._values[key]
            self._weight -= freed
