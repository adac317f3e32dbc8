"""A set of what was used last."""

from __future__ import annotations

from consumer.caches.recent_set import RecentSet


def test_the_members_used_last_stay() -> None:
    """As many as a generation has, and at most twice as many."""
    found: RecentSet[int] = RecentSet(10)
    for member in range(100):
        found.add(member)
        assert all(recent in found for recent in range(max(member - 9, 0), member + 1))
        assert sum(recent in found for recent in range(member + 1)) <= 20


def test_a_look_counts_as_use() -> None:
    """A member that is looked for again and again stays, whatever is added."""
    found: RecentSet[int] = RecentSet(10)
    found.add(-1)
    for member in range(100):
        assert -1 in found
        found.add(member)


def test_all_are_removed() -> None:
    """Of both generations."""
    found: RecentSet[int] = RecentSet(2)
    for member in range(4):
        found.add(member)
    found.clear()
    assert not any(member in found for member in range(4))
