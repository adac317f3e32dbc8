"""A cache of objects by their sizes: what was used last stays, and more of it packed."""

from __future__ import annotations

from typing import NamedTuple

from consumer.caches.packing_cache import OVERHEAD, PackingCache


class Item(NamedTuple):
    """A value with its size."""

    number: int
    size: int


class Numbers:
    """Packs items; counts how often.

    Attributes:
        packed: The numbers that were packed, in order.
    """

    def __init__(self) -> None:
        self.packed: list[int] = []

    def pack(self, value: Item) -> bytes | None:
        """Returns the item as bytes; None of one that is not to be kept."""
        self.packed.append(value.number)
        return f"{value.number} {value.size}".encode() if value.number >= 0 else None

    def unpack(self, packed: bytes) -> Item:
        """Returns the item of its bytes."""
        return Item(*map(int, packed.split()))


def test_the_entries_used_last_stay() -> None:
    """A look counts as use, and room is made by the least recently used entries."""
    cache: PackingCache[str, Item] = PackingCache(30)
    for number, key in enumerate("abc"):
        cache.put(key, Item(number, 10))
    assert cache.get("a") == Item(0, 10)
    cache.put("d", Item(3, 10))
    assert [cache.get(key) for key in "abcd"] == [Item(0, 10), None, Item(2, 10), Item(3, 10)]


def test_sizes_count() -> None:
    """A new value of a key takes the place of the old one; what is too large is not kept, nor is what it replaces."""
    cache: PackingCache[str, Item] = PackingCache(30)
    cache.put("a", Item(1, 10))
    cache.put("a", Item(2, 20))
    cache.put("b", Item(3, 10))
    assert (cache.get("a"), cache.get("b")) == (Item(2, 20), Item(3, 10))
    cache.put("b", Item(4, 31))
    assert cache.get("b") is None, "neither the new value nor the old one"
    cache.put("c", Item(5, 30))
    assert cache.get("c") == Item(5, 30), "all the room is free again"


def test_entries_can_be_removed() -> None:
    """One that is not there does not matter."""
    cache: PackingCache[str, Item] = PackingCache(10)
    cache.put("a", Item(1, 10))
    cache.pop("a")
    cache.pop("a")
    cache.put("b", Item(2, 10))
    assert (cache.get("a"), cache.get("b")) == (None, Item(2, 10))


def test_nothing_is_packed_while_all_fits() -> None:
    """The entry that was not used for longest is packed first, and is an object again once it is used."""
    numbers = Numbers()
    cache: PackingCache[int, Item] = PackingCache(10_000, numbers)
    for number in range(10):
        cache.put(number, Item(number, 1_000))
    assert numbers.packed == []
    cache.put(10, Item(10, 1_000))
    assert numbers.packed == [0, 1], "the first one packed makes less room than it takes"
    assert cache.get(0) == Item(0, 1_000)
    assert numbers.packed == [0, 1, 2]
    assert sorted(cache.keys()) == list(range(11))


def test_a_quarter_of_the_bytes_is_for_objects() -> None:
    """All else are packed entries; of these some are dropped, and what was used last never is."""
    numbers = Numbers()
    cache: PackingCache[int, Item] = PackingCache(40_000, numbers)
    for number in range(500):
        cache.put(number, Item(number, 1_000))
        assert cache.get(number) == Item(number, 1_000)
    kept = len(cache.keys())
    assert 10 + 30_000 // (OVERHEAD + 10) <= kept <= 10 + 31_000 // (OVERHEAD + 3)
    packed = len(numbers.packed)
    assert all(cache.get(number) == Item(number, 1_000) for number in range(491, 500))
    assert len(numbers.packed) == packed, "these were objects"


def test_some_of_too_many_are_found_in_each_round() -> None:
    """By lot a share of the packed entries is found, where the last used ones alone would never be."""
    cache: PackingCache[int, Item] = PackingCache(40_000, Numbers())
    found = 0
    for turn in range(20):
        for number in range(150):
            known = cache.get(number)
            assert known in {None, Item(number, 1_000)}
            found += known is not None and turn >= 10
            cache.put(number, Item(number, 1_000))
    assert found > 0.1 * 10 * 150


def test_packed_entries_can_be_removed_and_replaced() -> None:
    """The value that was put last counts, whichever way the one before it was held."""
    cache: PackingCache[int, Item] = PackingCache(10_000, Numbers())
    for number in range(12):
        cache.put(number, Item(number, 1_000))
    cache.put(0, Item(100, 1_000))
    cache.pop(1)
    assert (cache.get(0), cache.get(1), cache.get(2)) == (Item(100, 1_000), None, Item(2, 1_000))


def test_what_is_not_to_be_kept_goes() -> None:
    """A value that has no bytes is dropped in place of being packed."""
    cache: PackingCache[int, Item] = PackingCache(2_000, Numbers())
    for number in (-1, 2, 3):
        cache.put(number, Item(number, 1_000))
    assert cache.get(-1) is None
    assert cache.get(3) == Item(3, 1_000)
