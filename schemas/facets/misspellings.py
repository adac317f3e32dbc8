"""Keys that are probably misspelt: unknown where they stand, and one or two letters away from a key that is missing.

An unknown key is valid JSON, and producers may add keys of their own. So a misspelt one costs what it should have
stated, and nothing but its likeness to a missing key shows that anything was meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final

_SHORT: Final = 5
"""Characters up to which one wrong letter already makes another word; `typ` may be `type`, `tag` is not `key`."""

_LONG: Final = 60
"""Characters of the longest key that is compared, twice the longest of OpenLineage's."""

_CASE: Final = str.maketrans("", "", "_-")


def misspelt(present: Collection[str], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields each key that is probably misspelt, with the key that was probably meant.

    Args:
        present: The keys of an object.
        known: The keys that such an object may have.
    """
    unknown = [key for key in present if key not in known]
    if unknown:
        missing = frozenset(key for key in known if key not in present)
        for key in sorted(unknown):
            meant = _meant(key, missing)
            if meant:
                yield key, meant


def hint(owner: Mapping[str, object], key: str, known: Collection[str]) -> str:
    """Returns the end of a sentence about a missing key: the misspelt key that stands in its place; empty if none."""
    return next(
        (f"; `{found}` is there: did you mean `{key}`?" for found, it in misspelt(owner, known) if it == key), ""
    )


@lru_cache(maxsize=1_024)
def _meant(key: str, missing: frozenset[str]) -> str:
    """Returns the one missing key that is nearest to an unknown one; empty if none or several are near."""
    if len(key) > _LONG:
        return ""
    distances = {name: _distance(_folded(key), _folded(name)) for name in missing}
    near = {name: far for name, far in distances.items() if far <= (1 if len(name) <= _SHORT else 2)}
    least = min(near.values(), default=0)
    # A facet's key may be written in snake case as well; OpenLineage's own spelling comes first in order.
    nearest = sorted(name for name, far in near.items() if far == least)
    return nearest[0] if len({_folded(name) for name in nearest}) == 1 else ""


def _folded(key: str) -> str:
    return key.translate(_CASE).lower()


def _distance(one: str, other: str) -> int:
    """Returns the edits from one word to another: letters added, removed, replaced, or swapped with the next one."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one):
        following = [at + 1]
        for to, its in enumerate(other):
            cost = min(row[to + 1] + 1, following[to] + 1, row[to] + (letter != its))
            is_swapped = at > 0 and to > 0 and letter == other[to - 1] and one[at - 1] == its
            following.append(min(cost, before[to - 1] + 1) if is_swapped else cost)
        before, row = row, following
    return row[-1]
