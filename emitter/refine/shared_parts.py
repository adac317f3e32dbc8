"""Parts of events that are shared by several events, as long as what they are made from is the same."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Part = TypeVar("Part")

KEPT = 250
"""Number of parts that are kept: nodes that run at the same time mostly read the same tables."""


class SharedParts(Generic[Part]):
    """The latest parts of one kind. Events share them, so nothing may change them.

    Args:
        limit: The number of parts that are kept.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self._kept: OrderedDict[Hashable, tuple[tuple[Any, ...], Part]] = OrderedDict()
        self._limit = limit

    def get(self, key: Hashable, made_from: tuple[Any, ...], make: Callable[[], Part]) -> Part:
        """Returns the part of a key, made again unless it was made from the same objects.

        Args:
            key: What the part is about.
            made_from: What it depends on; compared as objects, not by value.
            make: Makes it.
        """
        found = self._kept.get(key)
        if found is not None and all(map(_is_same, found[0], made_from)):
            return found[1]
        part = make()
        self._kept.pop(key, None)
        self._kept[key] = made_from, part
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return part


def _is_same(one: object, other: object) -> bool:
    return one is other
