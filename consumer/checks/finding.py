"""The result of a check: its subject, its state, and a message that a person can act on."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """State of a checked subject; only `FAILED` fails the check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(NamedTuple):
    """One result of a check.

    Attributes:
        what: The subject, such as `topic openlineage.events` or `clock`.
        state: Its state.
        message: What was found; for a fault, the next action.
    """

    what: str
    state: State
    message: str


MAX_SKEW_S = 300.0
"""Seconds by which a signature's time may differ from AWS's clock (Signature Version 4)."""

WARN_SKEW_S = 30.0
"""Seconds of difference that a clock under NTP does not reach."""


def clock_finding(skew_s: float, whose: str) -> Finding:
    """Judges the difference between two clocks.

    Args:
        skew_s: Seconds by which the other clock is ahead of this machine's.
        whose: Owner of the other clock.
    """
    side = "behind" if skew_s > 0 else "ahead of"
    message = f"this machine's clock is {abs(skew_s):.0f} s {side} {whose}"
    if abs(skew_s) >= MAX_SKEW_S:
        return Finding("clock", State.FAILED, f"{message}; AWS rejects a signature that is off by 300 s, so run NTP")
    if abs(skew_s) >= WARN_SKEW_S:
        return Finding("clock", State.WARNING, f"{message}; run NTP")
    return Finding("clock", State.OK, f"within {WARN_SKEW_S:.0f} s of {whose}")
