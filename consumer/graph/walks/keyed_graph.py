"""The port of a walk along lineage: a graph in which a vertex is known by a key.

A key is what a store finds a vertex by fastest: the integer of a row, or the id. A walk follows edges from keys to
keys; ids, jobs and properties are read once, at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import AbstractContextManager
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol, TypeVar, runtime_checkable

from consumer.graph.store import Direction

K = TypeVar("K", bound=Hashable)

Making = tuple[Hashable, Hashable]
"""The job of an edge and its other properties, in the form that one `KeyedGraph` has them in."""

Hop = tuple[K, K, Hashable, Hashable]
"""An edge: the key of its source, that of its target, and its `Making`."""

MAKING: Final = itemgetter(2, 3)
"""Reads the `Making` of an edge."""

_SOURCE: Final = itemgetter(0)
_TARGET: Final = itemgetter(1)

IdsByStem = Mapping[str, Collection[tuple[str, K]]]
"""Ids that are cut after their last slash: by stem, which all columns of a dataset share, the tails with their keys."""


class Along(NamedTuple):
    """The edges that a walk follows.

    Attributes:
        label: Their label.
        direction: The end that is asked for: `out` leads from sources to targets.
        detail: The property that is read beside the job; empty for none.
    """

    label: str
    direction: Direction
    detail: str = ""


class Made(NamedTuple):
    """The properties of an edge that a walk reads.

    Attributes:
        job: The id of the job that makes the edge; empty if no job does.
        detail: The property that `Along` names; empty if the edge does not have it.
    """

    job: str
    detail: str


def ends_of(along: Along) -> tuple[Callable[[Hop[K]], K], Callable[[Hop[K]], K]]:
    """Returns how to read the near and the far end of an edge, as seen from the root of a walk."""
    return (_TARGET, _SOURCE) if along.direction == "in" else (_SOURCE, _TARGET)


class KeyedGraph(Protocol[K]):
    """A graph whose edges are followed from keys to keys.

    Every method raises `consumer.errors.TransientError` if the store is unavailable.
    """

    def keys(self, ids: Collection[str]) -> Mapping[str, K]:
        """Returns the keys of ids, also of those that no vertex has."""

    def hops(self, keys: Collection[K], along: Along) -> list[Hop[K]]:
        """Returns the edges at vertices, each once."""

    def wholes(self, columns: Collection[K]) -> Mapping[K, K]:
        """Returns the `*` of the dataset of each column; one that is not there may be left out."""

    def ids(self, keys: Collection[K]) -> IdsByStem[K]:
        """Returns the ids of vertices."""

    def made(self, makings: Collection[Making], along: Along) -> Mapping[Making, Made]:
        """Returns the properties of edges."""


@runtime_checkable
class Walkable(Protocol):
    """A store that has a form for walks of its own."""

    def for_walks(self) -> AbstractContextManager[KeyedGraph[Any]]:
        """Returns that form, for one walk; a dataset may have more columns in it than it has, without edges."""
