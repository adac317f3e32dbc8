"""A map of what was used last."""

from __future__ import annotations

from consumer.caches.recent_map import RecentMap


def test_the_entries_used_last_stay() -> None:
    """As many as a generation has, and at most twice as many."""
    found: RecentMap[int, str] = RecentMap(10)
    for key in range(100):
        found.put(key, str(key))
        assert all(found.get(recent) == str(recent) for recent in range(max(key - 9, 0), key + 1))
        assert sum(found.get(recent) is not None for recent in range(key + 1)) <= 20


def test_a_look_counts_as_use() -> None:
    """An entry that is looked for again and again stays, whatever is added."""
    found: RecentMap[int, str] = RecentMap(10)
    found.put(-1, "first")
    for key in range(100):
        assert found.get(-1) == "first"
        found.put(key, "")


def test_a_later_value_replaces_an_earlier_one_in_any_generation() -> None:
    """The one before never comes back."""
    found: RecentMap[int, str] = RecentMap(2)
    found.put(0, "old")
    for key in range(1, 3):
        found.put(key, "")
    found.put(0, "new")
    for key in range(3, 5):
        assert found.get(0) == "new"
        found.put(key, "")
    assert found.get(0) == "new"


def test_all_are_removed() -> None:
    """Of both generations."""
    found: RecentMap[int, str] = RecentMap(2)
    for key in range(4):
        found.put(key, "")
    found.clear()
    assert all(found.get(key) is None for key in range(4))
