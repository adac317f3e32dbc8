"""The entries used last, within a number of bytes.

A document is looked up a dozen times in each batch. `cachetools.LRUCache` takes a microsecond for each look, as it is
written in Python; an ordered dictionary takes a tenth of that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SizedLru(Generic[K, V]):
    """Entries with their sizes; those that were not used for longest go first.

    Args:
        most_bytes: How many bytes all entries may have together.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Returns the entry of a key, which counts as used; None if there is none."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Sets the entry of a key; one that is larger than all may be is not kept, and no older one of the key is."""
        self.pop(key)
        self._entries[key] = value, size
        self._left -= size
        while self._left < 0:
            self._left += self._entries.popitem(last=False)[1][1]

    def pop(self, key: K) -> None:
        """Removes the entry of a key, if there is one."""
        found = self._entries.pop(key, None)
        if found is not None:
            self._left += found[1]

    def keys(self) -> list[K]:
        """Returns the keys of all entries."""
        return list(self._entries)
