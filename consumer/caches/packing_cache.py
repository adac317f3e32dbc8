"""A cache within a number of bytes: all as objects while they fit, then those used last as objects and others packed.

Which packed entry makes room is drawn by lot, as in `schemas.byte_cache`: builds ask for the models of a project in the
same order each time, where the one that was not used for longest is always the next to be asked for.

An entry is looked up a dozen times in each batch. `cachetools.LRUCache` takes a microsecond for each look, as it is
written in Python; an ordered dictionary takes a tenth of that.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, Protocol, TypeVar

from schemas.byte_cache import Lots

OBJECTS_SHARE: Final = 4
"""One part in so many of the bytes is for objects, however many entries there are."""

OVERHEAD: Final = 300
"""Bytes of a packed entry beside its text: its key, and its places in the cache."""


class Sized(Protocol):
    """A value that knows how large it is."""

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes as an object."""


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class Packing(Protocol[V]):
    """The way of values to bytes and back."""

    def pack(self, value: V) -> bytes | None:
        """Returns a value as bytes; None if it is not to be kept."""

    def unpack(self, packed: bytes) -> V:
        """Returns the value of its bytes."""


class PackingCache(Generic[K, V]):
    """Entries used last, as objects or packed.

    Args:
        most_bytes: How many bytes all entries may have together.
        packing: The way to pack entries; None if those that were not used for longest are dropped instead.
    """

    def __init__(self, most_bytes: int, packing: Packing[V] | None = None) -> None:
        self._most = most_bytes
        self._packing = packing
        self._objects: OrderedDict[K, V] = OrderedDict()
        self._objects_size = 0
        self._packed: _PackedEntries[K] = _PackedEntries()

    def get(self, key: K) -> V | None:
        """Returns the entry of a key, which counts as used; None if there is none."""
        found = self._objects.get(key)
        if found is not None:
            self._objects.move_to_end(key)
            return found
        packed = self._packed.pop(key)
        if packed is None or self._packing is None:
            return None
        found = self._packing.unpack(packed)
        self._add(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Sets the entry of a key; one that is larger than all may be is not kept, and no older one of the key is."""
        self.pop(key)
        self._add(key, value)

    def pop(self, key: K) -> None:
        """Removes the entry of a key, if there is one."""
        found = self._objects.pop(key, None)
        if found is None:
            self._packed.pop(key)
        else:
            self._objects_size -= found.size

    def keys(self) -> list[K]:
        """Returns the keys of all entries."""
        return [*self._objects, *self._packed.places]

    def _add(self, key: K, value: V) -> None:
        self._objects[key] = value
        self._objects_size += value.size
        while self._objects_size + self._packed.size > self._most:
            if self._packed.places and self._objects_size <= self._most // OBJECTS_SHARE:
                self._packed.drop_one()
            else:
                self._pack_one()

    def _pack_one(self) -> None:
        """Packs the object that was not used for longest."""
        key, value = self._objects.popitem(last=False)
        self._objects_size -= value.size
        packed = self._packing.pack(value) if self._packing is not None else None
        if packed is not None and len(packed) + OVERHEAD <= self._most:
            self._packed.add(key, packed)


class _PackedEntries(Generic[K]):
    """Packed entries, of which any may be dropped.

    Attributes:
        places: The places of keys in the list of entries.
        size: Bytes of all of them, about.
    """

    def __init__(self) -> None:
        self.places: dict[K, int] = {}
        self.size = 0
        self._entries: list[tuple[K, bytes]] = []
        self._lots = Lots()

    def add(self, key: K, packed: bytes) -> None:
        """Adds the entry of a key that has none."""
        self.places[key] = len(self._entries)
        self._entries.append((key, packed))
        self.size += OVERHEAD + len(packed)

    def pop(self, key: K) -> bytes | None:
        """Removes the entry of a key; returns it, or None if there is none."""
        place = self.places.pop(key, None)
        if place is None:
            return None
        _, packed = self._entries[place]
        last = self._entries.pop()
        if place < len(self._entries):
            self._entries[place] = last
            self.places[last[0]] = place
        self.size -= OVERHEAD + len(packed)
        return packed

    def drop_one(self) -> None:
        """Removes an entry that is drawn by lot."""
        self.pop(self._entries[self._lots.draw(len(self._entries))][0])
