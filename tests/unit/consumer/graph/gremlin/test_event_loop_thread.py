"""A thread with an event loop, for work that an interrupt must not break off."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from consumer.graph.gremlin.event_loop_thread import Worker, on_a_thread

PATIENCE_S = 60.0


def test_work_begins_in_order_on_one_thread() -> None:
    """Each future has its work's result, and its exception."""
    worker = Worker("test")
    begun: list[int] = []

    async def work(number: int) -> int:
        begun.append(number)
        return threading.get_ident()

    async def fail() -> int:
        raise ZeroDivisionError

    futures = [worker.submit(work(number)) for number in range(20)]
    threads = {future.result(PATIENCE_S) for future in futures}
    assert (begun, len(threads)) == (list(range(20)), 1)
    assert threading.get_ident() not in threads
    with pytest.raises(ZeroDivisionError):
        worker.submit(fail()).result(PATIENCE_S)
    assert worker.submit(work(7)).result(PATIENCE_S) in threads, "it goes on after work that failed"
    worker.close()


def test_work_runs_beside_other_work() -> None:
    """A task that waits holds up no other."""
    worker, may_go_on = Worker("test"), threading.Event()

    async def wait() -> bool:
        return await on_a_thread(lambda: may_go_on.wait(PATIENCE_S))

    async def go_on() -> None:
        may_go_on.set()

    waiting = worker.submit(wait())
    worker.submit(go_on()).result(PATIENCE_S)
    assert waiting.result(PATIENCE_S)
    worker.close()


def test_its_end_waits_for_work_that_ends() -> None:
    """Submitted tasks are done, if that takes a moment only."""
    worker, begun = Worker("test"), threading.Event()

    async def work() -> int:
        begun.set()
        for _ in range(100):
            await asyncio.sleep(0)
        return 7

    future = worker.submit(work())
    assert begun.wait(PATIENCE_S)
    worker.close()
    assert future.result(0) == 7


def test_its_end_breaks_off_work_that_does_not_end() -> None:
    """A waiting thread learns that there will be no result, and nothing new is taken."""
    worker, begun = Worker("test"), threading.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    future = worker.submit(work())
    assert begun.wait(PATIENCE_S)
    worker.close()
    with pytest.raises(CancelledError):
        future.result(0)
    with pytest.raises(RuntimeError, match="closed"):
        worker.submit(work())


def test_a_call_on_a_thread_gives_its_error() -> None:
    """An exception comes back to the one that awaits the call."""
    worker = Worker("test")

    async def work() -> None:
        await on_a_thread(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        worker.submit(work()).result(PATIENCE_S)
    worker.close()


def test_a_worker_without_work_has_no_thread() -> None:
    """The thread can be closed all the same, and again."""
    before = threading.active_count()
    worker = Worker("test")
    assert threading.active_count() == before
    worker.close()
    worker.close()
