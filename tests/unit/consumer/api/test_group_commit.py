"""Group commit: each item is answered once it is durable, or with the error of its write."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import wait

import pytest

from consumer.api.group_commit import GroupCommit, OverloadedError
from consumer.errors import RefusedWrite, TransientError

PATIENCE_S = 60


def test_what_waits_is_written_together() -> None:
    """While a write is under way, the items that arrive make up one group."""
    groups: list[list[int]] = []
    entered, go = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        groups.append(list(items))
        entered.set()
        assert go.wait(PATIENCE_S)

    commit = GroupCommit(write, 1_000)
    first = commit.submit(0, 1)
    assert entered.wait(PATIENCE_S)
    others = [commit.submit(number, 1) for number in range(1, 6)]
    assert not first.done()
    go.set()
    assert not wait([first, *others], PATIENCE_S).not_done
    assert groups == [[0], [1, 2, 3, 4, 5]]
    assert commit.close(PATIENCE_S)


def test_a_refused_item_costs_itself() -> None:
    """It is found by halving; all others are written."""
    written: list[int] = []

    def write(items: Sequence[int]) -> None:
        if 3 in items:
            raise RefusedWrite("not three")
        written.extend(items)

    entered = threading.Event()
    commit = GroupCommit(write, 1_000)
    futures = [commit.submit(number, 1) for number in range(6)]
    assert not wait(futures, PATIENCE_S).not_done
    entered.set()
    assert sorted(written) == [0, 1, 2, 4, 5]
    assert [future.exception() is None for future in futures] == [number != 3 for number in range(6)]
    assert commit.close(PATIENCE_S)


def test_a_transient_failure_is_that_of_the_group() -> None:
    """Nothing of it counts as written, and the next group is tried."""
    fail = threading.Event()
    fail.set()

    def write(_: Sequence[int]) -> None:
        if fail.is_set():
            raise TransientError("the graph is away")

    commit = GroupCommit(write, 1_000)
    with pytest.raises(TransientError, match="away"):
        commit.submit(1, 1).result(PATIENCE_S)
    fail.clear()
    assert commit.submit(2, 1).result(PATIENCE_S) is None
    assert commit.close(PATIENCE_S)


def test_memory_is_bounded_and_the_end_is_orderly() -> None:
    """Too much that waits is refused; at the end what waits is written, and nothing more is taken."""
    written: list[int] = []
    go, entered = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> None:
        entered.set()
        assert go.wait(PATIENCE_S)
        written.extend(items)

    commit = GroupCommit(write, 10)
    commit.submit(0, 10)
    assert entered.wait(PATIENCE_S)
    commit.submit(1, 8)
    with pytest.raises(OverloadedError):
        commit.submit(2, 8)
    go.set()
    assert commit.close(PATIENCE_S)
    assert written == [0, 1]
    with pytest.raises(OverloadedError, match="shutting down"):
        commit.submit(3, 1)
