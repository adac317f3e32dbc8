"""Paths from one dataset or column to another."""

from __future__ import annotations

import pytest

from consumer.errors import UsageError
from consumer.query.resolve import LineageNode, resolve
from consumer.query.traversal.paths import Paths, shortest_paths
from tests.support.graph.example_graphs import graph, job, table

A, B, C, D, E = (table(name) for name in "abcde")


def routes(found: Paths) -> list[str]:
    """Each path as `a>b>c`."""

    def called(target: LineageNode) -> str:
        name = target.dataset.name.rpartition(".")[2]
        return f"{name}.{target.column}" if target.column else name

    return [">".join([called(path[0].source), *(called(link.target) for link in path)]) for path in found.paths]


def test_all_shortest_paths_are_found() -> None:
    """Two ways of one length, and not the longer third."""
    store = graph([job(B, A), job(C, A), job(D, B, C), job(E, A), job(D, E, name="second"), job(E, B, name="third")])
    found = shortest_paths(store, resolve(store, "a"), resolve(store, "d"))
    assert sorted(routes(found)) == ["a>b>d", "a>c>d", "a>e>d"]
    assert not found.truncated


def test_the_number_of_paths_is_bounded() -> None:
    """More than the limit is said."""
    middle = [table(f"m{number}") for number in range(5)]
    store = graph([*(job(name, A) for name in middle), job(D, *middle)])
    found = shortest_paths(store, resolve(store, "a"), resolve(store, "d"), most=3)
    assert (len(found.paths), found.truncated) == (3, True)


def test_columns_have_paths() -> None:
    """From column to column, by the column edges alone."""
    store = graph([job(B, A, columns={"y": [(A, "x")]}), job(C, B, columns={"z": [(B, "y")]})])
    found = shortest_paths(store, resolve(store, "a.x"), resolve(store, "c.z"))
    assert routes(found) == ["a.x>b.y>c.z"]


def test_no_path_is_told_from_unknown() -> None:
    """Against the flow there is none; beyond the end of column lineage it is unknown."""
    store = graph([job(B, A, columns={"y": [(A, "x")]}), job(C, B)])
    backwards = shortest_paths(store, resolve(store, "b"), resolve(store, "a"))
    assert (backwards.paths, backwards.unknown) == ((), False)
    onward = shortest_paths(store, resolve(store, "a.x"), resolve(store, "c.w"))
    assert (onward.paths, onward.unknown) == ((), True)


def test_one_node_is_no_question() -> None:
    """Source and target have to differ."""
    store = graph([job(B, A)])
    with pytest.raises(UsageError, match="name two different ones"):
        shortest_paths(store, resolve(store, "a"), resolve(store, "a"))
