"""A thread for calls that an interrupt must not break off."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from consumer.graph.gremlin.call_thread import CallThread


def test_calls_are_done_in_order_on_one_thread() -> None:
    """Each future has its call's result, and its exception."""
    worker = CallThread("test")
    done: list[int] = []

    def call(number: int) -> int:
        done.append(number)
        return threading.get_ident()

    futures = [worker.submit(partial(call, number)) for number in range(20)]
    threads = {future.result() for future in futures}
    assert (done, len(threads)) == (list(range(20)), 1)
    assert threading.get_ident() not in threads
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda: 1 // 0).result()
    assert worker.submit(lambda: 7).result() == 7, "it goes on after a call that failed"
    worker.close()


def test_what_was_submitted_is_done_before_it_ends() -> None:
    """The end waits for the call under way and for those behind it."""
    worker, may_go_on = CallThread("test"), threading.Event()
    first = worker.submit(may_go_on.wait)
    last = worker.submit(may_go_on.is_set)
    may_go_on.set()
    worker.close()
    assert (first.done(), last.result()) == (True, True)


def test_a_worker_without_a_call_has_no_thread() -> None:
    """It can be closed all the same, and again."""
    before = threading.active_count()
    worker = CallThread("test")
    assert threading.active_count() == before
    worker.close()
    worker.close()
