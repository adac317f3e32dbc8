"""Values of facets in layers: those that one event or one run stated last stand together, under one mark.

The facets of a thing come together, and the same ones come again with every run. So they are held as few pairs of a
mark (a time, or a time and a run) and the values that it marks. Two statements of the same values share one `Values`
object, and joining them compares two marks instead of every facet.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Generic, Self, TypeVar, final
from weakref import WeakValueDictionary

DIGEST_BYTES: Final = 12
"""Bytes of the hash of a value."""

DIGEST_CHARS: Final = 12
"""Characters of a value's hash that decide between two values of one time."""

MarkT = TypeVar("MarkT", bound=tuple[Any, ...])
ItemT = TypeVar("ItemT")


def digest_of(ref: str) -> str:
    """Returns the hash by which a value is compared with another one of the same time.

    The reference of a stored value begins with its hash.
    """
    if ref.startswith("#"):
        return ref[1 : 1 + DIGEST_CHARS]
    return hashlib.blake2b(ref.encode(), digest_size=DIGEST_BYTES).hexdigest()[:DIGEST_CHARS]


@final
class Values(Mapping[str, str]):
    """References of values by facet; immutable, and as good as always one object for equal contents."""

    __slots__ = ("__weakref__", "_digests", "_extended", "_hash", "_parts", "_refs")

    def __init__(self, refs: dict[str, str], hash_: int) -> None:
        self._refs = refs
        self._hash = hash_
        self._digests: dict[str, str] = {}
        self._parts: dict[Collection[str], Values] = {}
        self._extended: dict[tuple[str, str], Values] = {}

    @staticmethod
    def of(refs: Mapping[str, str]) -> Values:
        """Returns the values of a mapping from facet to reference."""
        items = tuple(sorted(refs.items()))
        hash_ = hash(items)
        known = _INTERNED.get(hash_)
        if known is not None and known == refs:
            return known
        made = Values(dict(items), hash_)
        _INTERNED[hash_] = made
        return made

    def digest(self, facet: str) -> str:
        """Returns the hash of a facet's value."""
        found = self._digests.get(facet)
        if found is None:
            found = self._digests[facet] = digest_of(self._refs[facet])
        return found

    def without(self, facets: frozenset[str]) -> Values:
        """Returns the values of all other facets."""
        found = self._parts.get(facets)
        if found is None:
            if facets.isdisjoint(self._refs):
                return self
            found = Values.of({facet: ref for facet, ref in self._refs.items() if facet not in facets})
            self._parts[facets] = found
        return found

    def extended(self, facet: str, ref: str) -> Values:
        """Returns these values, with that of one more facet or another one of it."""
        found = self._extended.get((facet, ref))
        if found is None:
            found = self._extended[facet, ref] = Values.of({**self._refs, facet: ref})
        return found

    def covers(self, other: Values) -> bool:
        """True if every facet of other values is among these."""
        return self is other or self._refs.keys() >= other._refs.keys()

    @property
    def refs(self) -> dict[str, str]:
        """The references by facet; not to be changed."""
        return self._refs

    def __getitem__(self, facet: str) -> str:
        return self._refs[facet]

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)

    def __contains__(self, facet: object) -> bool:
        return facet in self._refs

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, Values):
            return self._hash == other._hash and self._refs == other._refs
        return self._refs == other

    def __repr__(self) -> str:
        return f"Values({self._refs!r})"


_INTERNED: Final[WeakValueDictionary[int, Values]] = WeakValueDictionary()

Layer = tuple[MarkT, Values]
"""A mark and the values that it marks."""


class Layers(Mapping[str, ItemT], Generic[MarkT, ItemT]):
    """The last statement of each facet; immutable.

    Joining is associative, commutative and idempotent: of each facet the statement of the greater rank stays.

    Args:
        layers: Marks with their values: sorted by mark, each mark and each facet once, no values empty.
    """

    __slots__ = ("layers",)

    def __init__(self, layers: tuple[tuple[MarkT, Values], ...] = ()) -> None:
        self.layers = layers

    @classmethod
    @abstractmethod
    def _item(cls, mark: MarkT, digest: str, ref: str) -> ItemT:
        """Returns the statement of one facet."""

    @classmethod
    @abstractmethod
    def _parts(cls, item: ItemT) -> tuple[MarkT, str]:
        """Returns the mark and the reference of a statement."""

    @classmethod
    @abstractmethod
    def _rank(cls, facet: str, mark: MarkT, digest: str) -> tuple[Any, ...]:
        """Returns the order in which statements of a facet replace each other."""

    @classmethod
    @abstractmethod
    def _outranks(cls, one: MarkT, other: MarkT) -> bool:
        """True if a statement under one mark replaces any under the other, whatever the facet and the values."""

    @classmethod
    def marked(cls, mark: MarkT, values: Values) -> Self:
        """Statements that are all under one mark."""
        return cls(((mark, values),)) if values else cls()

    @classmethod
    def of(cls, items: Mapping[str, ItemT]) -> Self:
        """Returns the layers of statements by facet."""
        return items if isinstance(items, cls) else cls._grouped({key: cls._parts(item) for key, item in items.items()})

    @classmethod
    def _grouped(cls, parts: Mapping[str, tuple[MarkT, str]]) -> Self:
        by_mark: dict[MarkT, dict[str, str]] = {}
        for facet, (mark, ref) in parts.items():
            by_mark.setdefault(mark, {})[facet] = ref
        return cls(tuple((mark, Values.of(by_mark[mark])) for mark in sorted(by_mark)))

    def join(self, other: Self) -> Self:
        """Of each facet the statement of the greater rank."""
        mine, theirs = self.layers, other.layers
        if not theirs or mine is theirs:
            return self
        if not mine:
            return other
        if len(mine) == len(theirs) == 1:
            (mark, values), (its_mark, its_values) = mine[0], theirs[0]
            if mark == its_mark and values == its_values:
                return self
            if self._outranks(its_mark, mark) and its_values.covers(values):
                return other
            if self._outranks(mark, its_mark) and values.covers(its_values):
                return self
        return self._joined(other)

    def _joined(self, other: Self) -> Self:
        best = {facet: (mark, values) for mark, values in self.layers for facet in values}
        changed = False
        for mark, values in other.layers:
            for facet in values:
                known = best.get(facet)
                if known is None or self._rank(facet, mark, values.digest(facet)) > self._rank(
                    facet, known[0], known[1].digest(facet)
                ):
                    best[facet] = mark, values
                    changed = True
        if not changed:
            return self
        return self._grouped({facet: (mark, values[facet]) for facet, (mark, values) in best.items()})

    def keep_up(self, mark: MarkT, values: Values) -> bool:
        """True if each of some statements stands here too, or one of a greater rank in its place."""
        if len(self.layers) == 1:
            own, its = self.layers[0]
            if (own == mark and its == values) or (self._outranks(own, mark) and its.covers(values)):
                return True
        ranks = {facet: self._rank(facet, own, its.digest(facet)) for own, its in self.layers for facet in its}
        return all(facet in ranks and ranks[facet] >= self._rank(facet, mark, values.digest(facet)) for facet in values)

    def ref(self, facet: str) -> str | None:
        """Returns the reference of a facet's value; None where nothing is stated."""
        for _, values in self.layers:
            ref = values.refs.get(facet)
            if ref is not None:
                return ref
        return None

    def refs(self) -> dict[str, str]:
        """Returns the references of the values by facet."""
        if len(self.layers) == 1:
            return self.layers[0][1].refs
        return {facet: ref for _, values in self.layers for facet, ref in values.refs.items()}

    def __getitem__(self, facet: str) -> ItemT:
        found = self.find(facet)
        if found is None:
            raise KeyError(facet)
        return found

    def find(self, facet: str) -> ItemT | None:
        """Returns the statement of a facet; None where nothing is stated."""
        for mark, values in self.layers:
            ref = values.refs.get(facet)
            if ref is not None:
                return self._item(mark, values.digest(facet), ref)
        return None

    def __iter__(self) -> Iterator[str]:
        for _, values in self.layers:
            yield from values

    def __len__(self) -> int:
        return sum(len(values.refs) for _, values in self.layers)

    def __bool__(self) -> bool:
        return bool(self.layers)

    def __contains__(self, facet: object) -> bool:
        return facet in self.refs()

    def __hash__(self) -> int:
        return hash(self.layers)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, type(self)):
            return self.layers == other.layers
        return isinstance(other, Mapping) and dict(self.items()) == dict(other.items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self.items())!r})"
