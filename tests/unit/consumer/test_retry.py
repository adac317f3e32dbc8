"""Retries leave nothing behind that only the cyclic garbage collector would free."""

import asyncio
import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress

import pytest

from consumer.errors import TransientError
from consumer.retry import async_retrying, retrying, uniform


@pytest.fixture(autouse=True)
def no_cyclic_gc() -> Iterator[None]:
    """Switches the cyclic garbage collector off."""
    gc.disable()
    yield
    gc.enable()


def test_a_call_is_gone_after_it() -> None:
    """With its policy, after success at once and after a retry."""
    for failures in (0, 2):
        backoff, left = uniform(0, 0), [None] * failures
        policy = weakref.ref(backoff)

        def call(left: list[None] = left) -> str:
            if left:
                left.pop()
                raise TransientError("away")
            return "done"

        gc.collect()
        assert retrying(TransientError, backoff)(call) == "done"
        del backoff
        assert policy() is None, f"the policy of a call is still there, after {failures} failures"
        assert gc.collect() == 0, f"{failures} failures left objects that refer to each other"


def test_a_call_whose_error_is_final_is_gone_after_it() -> None:
    """The error is raised as it is, after one attempt, and shows where it came from."""
    attempts: list[None] = []

    def call() -> None:
        attempts.append(None)
        raise ValueError("for good")

    with pytest.raises(ValueError, match="for good") as caught:
        retrying(TransientError, uniform(0, 0))(call)
    assert (len(attempts), caught.traceback[-1].name) == (1, "call")
    del caught
    gc.collect()
    with suppress(ValueError):
        retrying(TransientError, uniform(0, 0))(call)
    assert gc.collect() == 0, "an error that is not retried left objects that refer to each other"


def test_an_asynchronous_call_is_gone_after_it() -> None:
    """As every request to a graph on a server is one."""
    backoff = uniform(0, 0)
    policy = weakref.ref(backoff)

    async def call() -> str:
        return "done"

    async def run() -> str:
        nonlocal backoff
        await call()
        gc.collect()
        found = await async_retrying(TransientError, backoff)(call)
        del backoff
        assert gc.collect() == 0, "a call left objects that refer to each other"
        return found

    assert asyncio.run(run()) == "done"
    assert policy() is None


def test_no_pause_outlasts_the_deadline() -> None:
    """The last attempt is made at the deadline, however long the next pause would be."""
    pauses: list[float] = []

    def call() -> None:
        if not pauses:
            raise TransientError("away")

    retrying(TransientError, uniform(500, 600), max_elapsed_s=30, sleep=pauses.append)(call)
    assert len(pauses) == 1
    assert 0 < pauses[0] <= 30
