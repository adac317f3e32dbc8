"""What a check finds out: a thing, its state, and words that a person can act on."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How it is with something; only what failed fails the check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes:
        what: Which: `topic openlineage.events`, `clock`.
        state: How it is with it.
        words: What was found; what is wrong and what to do.
    """

    what: str
    state: State
    words: str


MOST_SKEW_S = 300.0
"""By how many seconds AWS lets a signature's time differ from its own (Signature Version 4)."""

ODD_SKEW_S = 30.0
"""From how many seconds on a clock that is kept by NTP is not."""


def clock_finding(skew_s: float, whose: str) -> Finding:
    """What a difference between two clocks means.

    Args:
        skew_s: Seconds by which the other clock is ahead of this machine's.
        whose: Whose it is.
    """
    side = "behind" if skew_s > 0 else "ahead of"
    words = f"this machine's clock is {abs(skew_s):.0f} s {side} {whose}"
    if abs(skew_s) >= MOST_SKEW_S:
        return Finding("clock", State.FAILED, f"{words}; AWS takes no signature that is off by 300 s: run NTP")
    if abs(skew_s) >= ODD_SKEW_S:
        return Finding("clock", State.WARNING, f"{words}; run NTP")
    return Finding("clock", State.OK, f"within {ODD_SKEW_S:.0f} s of {whose}")
