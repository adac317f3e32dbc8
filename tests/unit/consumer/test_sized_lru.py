"""A cache of documents by their sizes: what was used last stays."""

from __future__ import annotations

from consumer.sized_lru import SizedLru


def test_the_entries_used_last_stay() -> None:
    """A look counts as use, and room is made by the least recently used entries."""
    cache: SizedLru[str, int] = SizedLru(30)
    for number, key in enumerate("abc"):
        cache.put(key, number, 10)
    assert cache.get("a") == 0
    cache.put("d", 3, 10)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]


def test_sizes_count() -> None:
    """A new value of a key takes the place of the old one; what is too large is not kept, nor is what it replaces."""
    cache: SizedLru[str, int] = SizedLru(30)
    cache.put("a", 1, 10)
    cache.put("a", 2, 20)
    cache.put("b", 3, 10)
    assert (cache.get("a"), cache.get("b")) == (2, 3)
    cache.put("b", 4, 31)
    assert cache.get("b") is None, "neither the new value nor the old one"
    cache.put("c", 5, 30)
    assert cache.get("c") == 5, "all the room is free again"


def test_entries_can_be_removed() -> None:
    """One that is not there does not matter."""
    cache: SizedLru[str, int] = SizedLru(10)
    cache.put("a", 1, 10)
    cache.pop("a")
    cache.pop("a")
    cache.put("b", 2, 10)
    assert (cache.get("a"), cache.get("b")) == (None, 2)
