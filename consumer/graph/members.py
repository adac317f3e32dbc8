"""The names of large datasets, each set kept once: every name of a dataset tells of all the others.

In the facts of each name they would take the square of their number, in the graph and in memory, and again with each
name that is added.
"""

from __future__ import annotations

from functools import lru_cache

import orjson
from cachetools import LRUCache

from consumer.graph.texts import Texts
from consumer.lineage.registers import Value, as_json, value_of
from schemas.naming import DatasetName

INLINE = 16
"""Up to so many names stand in the facts themselves: a table has two or three."""

CACHED_NAMES = 50_000
"""How many names are kept at hand, in all sets together."""


@lru_cache(maxsize=16)
def packed(members: frozenset[DatasetName]) -> Value:
    """A set of names as a value that is stored under its hash."""
    return value_of(as_json(sorted(members)), inline=0)


class Members:
    """The sets of names in a graph.

    Args:
        texts: Where they are.
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._cache: LRUCache[str, frozenset[DatasetName]] = LRUCache(CACHED_NAMES, getsizeof=len)

    def one(self, members: frozenset[DatasetName]) -> frozenset[DatasetName]:
        """The same set, as the one object that all names have: sets are told apart by identity before all else."""
        if len(members) <= INLINE:
            return members
        ref = packed(members).ref
        found = self._cache.get(ref)
        return self._keep(ref, members) if found is None else found

    def keep(self, members: frozenset[DatasetName]) -> None:
        """Stores a set, unless it is small enough to stand in the facts."""
        if len(members) > INLINE:
            value = packed(members)
            self._texts.put({value.ref: value.text or ""})

    def of(self, ref: str) -> frozenset[DatasetName]:
        """The set of a reference: one object, however many names refer to it.

        Raises:
            MissingText: The graph does not hold it.
        """
        found = self._cache.get(ref)
        if found is None:
            found = frozenset(DatasetName(*name) for name in orjson.loads(self._texts.fetch([ref])[ref]))
            self._keep(ref, found)
        return found

    def _keep(self, ref: str, members: frozenset[DatasetName]) -> frozenset[DatasetName]:
        if len(members) <= CACHED_NAMES:
            self._cache[ref] = members
        return members
