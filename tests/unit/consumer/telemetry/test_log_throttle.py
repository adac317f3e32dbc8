"""Repeated warnings: told a few times a minute, then counted."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog
from structlog import DropEvent

from consumer.telemetry import logs
from consumer.telemetry.log_throttle import LogThrottle


class World:
    """A limit of two a minute and a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.repeats = LogThrottle(2, lambda: self.now)

    def tell(self, event: str = "writing failed", method: str = "warning", **more: object) -> dict[str, Any] | None:
        """What becomes of a line; None if it is held back."""
        try:
            return dict(self.repeats(logging.getLogger("x"), method, {"event": event, **more}))
        except DropEvent:
            return None


@pytest.fixture
def world() -> World:
    """Nothing was told yet."""
    return World()


def test_told_twice_then_counted(world: World) -> None:
    """The next line of the kind, a minute later, says how many were held back."""
    assert [world.tell(error="down") is not None for _ in range(5)] == [True, True, False, False, False]
    world.now = 59
    assert world.tell(error="down") is None
    world.now = 60
    told = world.tell(error="down")
    assert told is not None
    assert told["suppressed"] == 4
    again = world.tell(error="down")
    assert again is not None
    assert "suppressed" not in again, "they are counted once"


def test_what_differs_in_numbers_and_names_is_the_same(world: World) -> None:
    """Offsets, ids and quoted names are of the one error, not of its kind."""
    for number in range(9):
        world.tell(
            error=f"no answer from 10.0.0.{number} for run 01890a5d-ac96-774b-bcce-b302099a805{number}: 'a{number}'"
        )
    assert world.tell(error="no answer from 10.9.9.9 for run 99990a5d-ac96-774b-bcce-b302099a8057: 'zz'") is None


def test_other_errors_are_told(world: World) -> None:
    """A kind is the event with its error, or its path and reason, or the type of its exception."""
    for _ in range(5):
        world.tell(error="down")
    assert world.tell(error="access denied") is not None
    assert world.tell(path="$.run", reason="missing") is not None
    assert world.tell(path="$.job", reason="missing") is not None
    assert world.tell("reading failed", error="down") is not None
    assert world.tell(exc_info=ValueError("a")) is not None
    assert world.tell(exc_info=ValueError("b")) is not None
    assert world.tell(exc_info=ValueError("c")) is None
    assert world.tell(exc_info=KeyError("c")) is not None


def test_information_is_always_told(world: World) -> None:
    """Only warnings and errors are limited."""
    assert all(world.tell("done", "info") for _ in range(10))


def test_zero_tells_all() -> None:
    """The limit can be switched off."""
    repeats = LogThrottle(0)
    for _ in range(100):
        assert repeats(logging.getLogger("x"), "error", {"event": "e"}) == {"event": "e"}


def test_kinds_are_bounded(world: World) -> None:
    """However many kinds there are, memory is not filled with them."""
    for number in range(5000):
        world.tell("".join(chr(ord("g") + int(digit)) for digit in str(number)))
    assert len(world.repeats._kinds) <= 1000


@pytest.mark.usefixtures("restored_logs")
def test_libraries_too() -> None:
    """A client that can't connect says so at each try; ours and theirs have the same limit, and no line is broken."""
    out = io.StringIO()
    logs.configure("info", "json", out, repeats_per_minute=3)
    for number in range(10):
        logging.getLogger("kafka.conn").error("connect to node %d failed", number)
        structlog.get_logger("consumer.x").warning("writing failed; trying again", attempt=number, error="down")
        structlog.get_logger("consumer.x").info("still here")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    count = {name: len([line for line in lines if line["logger"] == name]) for name in ("kafka.conn", "consumer.x")}
    assert count == {"kafka.conn": 3, "consumer.x": 3 + 10}
