"""How long is waited once there is a request to stop, by a clock that the test moves."""

from __future__ import annotations

import threading

import pytest

from consumer.graph.gremlin.deadline import RetryPolicy, ShutdownDeadline


class Clock:
    """Seconds, as the test says."""

    now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """At some time."""
    return Clock()


def test_nobody_asks_to_stop(clock: Clock) -> None:
    """It is never over by itself, with an event or without one."""
    for stop in (None, threading.Event()):
        has_expired = ShutdownDeadline(RetryPolicy(max_elapsed_s=10), stop, clock).begin()
        clock.now += 10_000
        assert not has_expired()


def test_from_the_request_to_stop_on(clock: Clock) -> None:
    """A request under way then has as long as the retry policy says, counted from when the stop was seen."""
    stop = threading.Event()
    has_expired = ShutdownDeadline(RetryPolicy(max_elapsed_s=10), stop, clock).begin()
    clock.now += 100
    stop.set()
    assert not has_expired()
    clock.now += 9
    assert not has_expired()
    clock.now += 1
    assert has_expired()


def test_from_its_own_beginning_on(clock: Clock) -> None:
    """A graph that answers is written to the end: the next request has its time, however long ago the stop was."""
    stop = threading.Event()
    stop.set()
    waiting = ShutdownDeadline(RetryPolicy(max_elapsed_s=10), stop, clock)
    for _ in range(20):
        has_expired = waiting.begin()
        clock.now += 9
        assert not has_expired()


def test_of_several_requests_each_has_its_own_time(clock: Clock) -> None:
    """One that began later has longer, until one of them has waited in vain: then it is over for all."""
    stop = threading.Event()
    stop.set()
    waiting = ShutdownDeadline(RetryPolicy(max_elapsed_s=10), stop, clock)
    first = waiting.begin()
    assert not first()
    clock.now += 6
    second = waiting.begin()
    clock.now += 3
    assert (second(), first()) == (False, False)
    clock.now += 1
    assert not second()
    assert (first(), second()) == (True, True)


def test_over_is_over(clock: Clock) -> None:
    """After one request too long the next one gets no time, nor after the end."""
    stop = threading.Event()
    stop.set()
    waiting = ShutdownDeadline(RetryPolicy(max_elapsed_s=10), stop, clock)
    has_expired = waiting.begin()
    clock.now += 10
    assert not has_expired(), "the request was not seen before"
    clock.now += 10
    assert has_expired()
    assert waiting.begin()()
    ended = ShutdownDeadline(RetryPolicy(), None, clock)
    ended.end()
    assert ended.begin()()
