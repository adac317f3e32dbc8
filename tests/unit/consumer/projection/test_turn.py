"""Threads of a writer: one computes at a time, and passes the turn on while it waits for the store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from consumer.graph.delegating_store import DelegatingStore
from consumer.graph.sqlite_store import SqliteStore
from consumer.graph.store import Properties
from consumer.projection.graph_writer import GraphWriter
from consumer.projection.turn import Claims, Shared, Turn
from tests.support.events.event_builders import run_event
from tests.support.graph.graph_of_events import embedded, exported, folded

PATIENCE_S = 60.0


class Meeting(DelegatingStore):
    """A store whose reads wait until two threads are in one."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store)
        self.both = threading.Barrier(2)

    def read(self, ids: Collection[str], keys: Sequence[str] = ()) -> dict[str, Properties]:
        """Waits for the other thread."""
        self.both.wait(PATIENCE_S)
        return super().read(ids, keys)


def together(*calls: Callable[[], object]) -> list[object]:
    """The results of calls, each on a thread of its own."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(PATIENCE_S) for future in [pool.submit(call) for call in calls]]


def test_one_computes_while_the_other_waits_for_the_store() -> None:
    """Both are in the store at once, and never both outside of it."""
    with closing(SqliteStore(Path(":memory:"))) as inner:
        turn, computing = Turn(), threading.Semaphore(1)
        store = Shared(Meeting(inner), turn)

        def work() -> None:
            with turn:
                assert computing.acquire(blocking=False), "two threads have the turn"
                computing.release()
                store.read(["a"])
                assert computing.acquire(blocking=False), "two threads have the turn"
                computing.release()

        together(work, work)


def test_without_the_turn_a_store_call_is_just_that() -> None:
    """A thread that does not share anything needs no turn."""
    with closing(SqliteStore(Path(":memory:"))) as inner:
        assert Shared(inner, Turn()).read(["a"]) == {}


def test_the_second_claim_waits_for_the_first() -> None:
    """Of two threads that claim a key, one has it at a time; another key waits for none."""
    turn, events = Turn(), list[str]()
    claims: Claims[str] = Claims(turn)
    held, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with turn, claims.of({"a"}):
            held.set()
            with turn.away():
                go_on.wait(PATIENCE_S)
            events.append("first is done")

    def second() -> None:
        held.wait(PATIENCE_S)
        with turn:
            with claims.of({"b"}):
                events.append("second has another key")
                go_on.set()
            with claims.of({"a", "b"}):
                events.append("second has the key")

    together(first, second)
    assert events == ["second has another key", "first is done", "second has the key"]


def test_who_holds_claims_waits_for_no_other() -> None:
    """So two threads never wait for each other; the tokens of documents guard what they write."""
    turn = Turn()
    claims, others = Claims[str](turn), Claims[str](turn)
    both = threading.Barrier(2)

    def work(one: Claims[str], other: Claims[str]) -> bool:
        with turn, one.of({"a"}):
            with turn.away():
                both.wait(PATIENCE_S)
            with other.of({"a"}):
                return True

    assert together(lambda: work(claims, others), lambda: work(others, claims)) == [True, True]


def test_a_wait_that_nobody_can_end_is_an_error() -> None:
    """Parts of a writer that several threads use other than by `apply` say so instead of waiting for ever."""
    with pytest.raises(RuntimeError, match="several threads"):
        Turn().wait_until(lambda: False)


def test_many_threads_write_one_graph() -> None:
    """Batches that are written at once give the graph of one after the other."""
    events = [run_event("COMPLETE", n, run=f"r{n}", inputs=[f"s{n % 3}"], outputs=["t"]) for n in range(8)]
    with closing(SqliteStore(Path(":memory:"))) as store:
        writer = GraphWriter(Locked(store))
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda event: writer.apply(folded([event])), events))
        assert exported(store) == embedded([events])


class Locked(DelegatingStore):
    """A store for several threads around one for a single one."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__(store)
        self._lock = threading.Lock()

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found):
            return found
        lock = super().__getattribute__("_lock")

        def call(*args: object, **options: object) -> object:
            with lock:
                return found(*args, **options)

        return call
