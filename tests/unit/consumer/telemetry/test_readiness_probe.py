"""The probe asks until there is an answer, and no longer than the service runs."""

from __future__ import annotations

import threading

from consumer.errors import TransientError
from consumer.telemetry.readiness_probe import ReadinessProbe

PATIENCE_S = 60.0


def running() -> bool:
    """Whether a probe's thread is there."""
    return "headwater-probe" in {thread.name for thread in threading.enumerate()}


def test_asks_until_there_is_an_answer() -> None:
    """A sink that is down at first is told of once it is up; then the thread ends by itself."""
    asked: list[int] = []
    reached = threading.Event()

    def ask() -> None:
        asked.append(1)
        if len(asked) < 3:
            raise TransientError("down")

    with ReadinessProbe(ask, reached.set) as probe:
        assert reached.wait(PATIENCE_S), "the sink was not found"
        probe._thread.join(PATIENCE_S)
        assert not running()
    assert len(asked) == 3


def test_ends_with_the_service() -> None:
    """A sink that never answers does not hold up the end."""
    asked = threading.Event()
    reached = threading.Event()

    def ask() -> None:
        asked.set()
        raise TransientError("down")

    with ReadinessProbe(ask, reached.set):
        assert asked.wait(PATIENCE_S), "nobody asked"
    assert not running()
    assert not reached.is_set()
