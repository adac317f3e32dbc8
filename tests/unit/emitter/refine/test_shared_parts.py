"""Parts of events that several events share: made once, and again when anything that they are made from is another."""

import itertools

from emitter.refine.shared_parts import SharedParts


def test_a_part_is_made_once_for_the_same_objects() -> None:
    """And again for objects that are equal, but others."""
    parts, numbers = SharedParts[int](), itertools.count()
    first, second = [1], [1]
    made = [parts.get("key", (each,), lambda: next(numbers)) for each in (first, first, second, second, first)]
    assert made == [0, 0, 1, 1, 2]


def test_only_the_latest_are_kept() -> None:
    """The number of nodes of a project does not matter for the memory."""
    parts, numbers, source = SharedParts[int](limit=2), itertools.count(), object()
    made = [parts.get(key, (source,), lambda: next(numbers)) for key in "abcabc"]
    assert made == [0, 1, 2, 3, 4, 5]
    assert [parts.get(key, (source,), lambda: next(numbers)) for key in "bc"] == [4, 5]
