"""A graph for walks in which the key of a vertex is its id, as of any store that has no faster one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from typing import Any, TypeGuard

from consumer.graph import ids
from consumer.graph.store import GraphStore
from consumer.graph.walks.keyed_graph import Along, Hop, IdsByStem, KeyedGraph, Made, Making, Walkable
from consumer.lineage.column_lineage import WHOLE

ReadHops = Callable[[Collection[str], Along], list[Hop[str]]]
"""Reads the edges at one or more vertices, by their ids."""


class IdGraph:
    """A graph for walks, of a store that is asked for edges with ids.

    Args:
        read: Asks for edges.
    """

    def __init__(self, read: ReadHops) -> None:
        self._read = read

    def keys(self, ids_: Collection[str]) -> Mapping[str, str]:
        """Returns the ids themselves."""
        return {id_: id_ for id_ in ids_}

    def hops(self, keys: Collection[str], along: Along) -> list[Hop[str]]:
        """Returns the edges at vertices, with one question to the store."""
        return self._read(keys, along) if keys else []

    def wholes(self, columns: Collection[str]) -> Mapping[str, str]:
        """Returns the id that the `*` of the dataset of each column has."""
        return {id_: ids.column_of_same_dataset(id_, WHOLE) for id_ in columns}

    def ids(self, keys: Collection[str]) -> IdsByStem[str]:
        """Returns the ids, by stem."""
        found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for id_ in keys:
            at = id_.rindex("/") + 1
            found[id_[:at]].append((id_[at:], id_))
        return found

    def made(self, makings: Collection[Making], along: Along) -> Mapping[Making, Made]:  # noqa: ARG002 - the port's
        """Returns the properties of edges, which hops have as texts."""
        return {making: Made(*map(str, making)) for making in makings}


def for_walks(store: GraphStore) -> AbstractContextManager[KeyedGraph[Any]]:
    """Returns the form of a store for one walk."""
    return store.for_walks() if _is_walkable(store) else nullcontext(of_store(store))


def _is_walkable(store: GraphStore) -> TypeGuard[Walkable]:
    return _has_own_form(type(store))


@cache
def _has_own_form(kind: type[GraphStore]) -> bool:
    # By type, and once: to compare an object with a protocol takes as long as a step of a small walk.
    return issubclass(kind, Walkable)


def of_store(store: GraphStore) -> IdGraph:
    """Returns the form that any store has, with its method `edges_at`."""
    return IdGraph(partial(_hops, store))


def _hops(store: GraphStore, at: Collection[str], along: Along) -> list[Hop[str]]:
    return [
        (
            edge.source,
            edge.target,
            str(edge.properties.get("job", "")),
            str(edge.properties.get(along.detail, "")),
        )
        for edge in store.edges_at(list(at), along.label, along.direction)
    ]
