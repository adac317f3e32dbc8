"""Alive and ready: what an orchestrator is told, and why."""

from __future__ import annotations

import threading

import pytest

from consumer.config.settings import HttpSettings
from consumer.telemetry.health import Health


class World:
    """A clock that is set by hand, and what it is about."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.seconds_since_progress = 0.0
        self.stop = threading.Event()
        limits = HttpSettings(stalled_after_s=300, unready_after_s=60)
        self.health = Health(limits, self.stop, lambda: self.now)
        self.health.follow(lambda: self.seconds_since_progress)

    def reasons(self) -> str:
        """Why it is not ready; empty if it is."""
        verdict = self.health.ready()
        assert verdict.ok == (not verdict.reasons)
        return "; ".join(verdict.reasons)


@pytest.fixture
def world() -> World:
    """A service that has just begun."""
    return World()


@pytest.fixture
def ready(world: World) -> World:
    """A service that is a member and whose sink has answered."""
    world.health.read(member=True)
    world.health.reached()
    assert not world.reasons()
    return world


def test_ready_once_a_member_and_the_sink_answers(world: World) -> None:
    """Both are asked for, in any order; alive it is from the start."""
    assert world.health.alive().ok
    assert world.reasons() == "not yet a member of the consumer group; the sink has not responded yet"
    world.health.read(member=False)
    world.health.reached()
    assert world.reasons() == "not yet a member of the consumer group"
    world.health.read(member=True)
    assert not world.reasons()


def test_a_commit_is_an_answer_of_the_sink(world: World) -> None:
    """What has been written needs no probe."""
    world.health.read(member=True)
    world.health.committed()
    assert not world.reasons()


def test_not_ready_while_stopping(ready: World) -> None:
    """Whoever routes or counts replicas learns of it before the process is gone."""
    ready.stop.set()
    assert ready.reasons() == "the service is stopping"
    assert ready.health.alive().ok, "a restart would not let it finish"


def test_failures_count_once_they_last(ready: World) -> None:
    """A retry is no outage; 60 seconds of them are, until a batch is through."""
    ready.health.failed("writing")
    ready.now += 59
    ready.health.failed("writing")
    assert not ready.reasons()
    ready.now += 2
    assert ready.reasons() == "writing has failed for 61 s; see the log for the error"
    ready.health.read(member=True)
    assert ready.reasons(), "reading goes on while writing fails, which mends nothing"
    ready.health.committed()
    assert not ready.reasons()


def test_reading_recovers_by_reading(ready: World) -> None:
    """A commit of what is in hand does not say that the broker can be read."""
    ready.health.failed("polling")
    ready.now += 61
    ready.health.committed()
    assert ready.reasons() == "polling has failed for 61 s; see the log for the error"
    ready.health.read(member=True)
    assert not ready.reasons()


def test_a_loop_that_stands_still_is_dead(ready: World) -> None:
    """After the limit, and not before; it is not ready either."""
    ready.now += 1000
    ready.seconds_since_progress = 299
    assert ready.health.alive().ok
    ready.seconds_since_progress = 301
    assert ready.health.alive().reasons == ("no progress for 301 s; restart the service",)
    assert "no progress for 301 s" in ready.reasons()


def test_a_loop_that_tries_again_is_alive(ready: World) -> None:
    """While joining or committing is tried for hours the loop does not turn, and a restart would not help."""
    ready.seconds_since_progress, ready.now = 4000, ready.now + 4000
    ready.health.failed("committing")
    assert ready.health.alive().ok
    ready.now += 301
    assert not ready.health.alive().ok


def test_the_writer_does_not_speak_for_the_loop(ready: World) -> None:
    """Writing is another thread: that it fails does not show that the loop moves."""
    ready.seconds_since_progress, ready.now = 301, ready.now + 301
    ready.health.failed("writing")
    assert not ready.health.alive().ok
