"""Whether the service is alive, and whether it is ready: what an orchestrator asks, answered with reasons.

Alive: it takes steps; if it does not, only a restart helps. Ready: it does its work, or would if there were some.
Answers hold no text of errors, which may hold names of hosts; the log has those.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NamedTuple

from consumer.config.settings import HttpSettings

ON_MAIN_THREAD: Final = frozenset({"joining", "polling", "committing"})
"""Steps whose failures show that the loop itself moves; the others are on the thread that writes."""

OF_READING: Final = frozenset({"joining", "polling"})
"""Steps that have succeeded when records, or none, were read."""


class Verdict(NamedTuple):
    """An answer.

    Attributes:
        ok: Yes.
        reasons: If no, why, in words.
    """

    ok: bool
    reasons: tuple[str, ...]


class Health:
    """Keeps what the parts of the service tell, on any thread, until it is asked.

    Args:
        limits: From how many seconds on silence and failures count.
        stop: Set once the service is told to stop.
        clock: Seconds; monotonic.
    """

    def __init__(self, limits: HttpSettings, stop: threading.Event, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._stop = stop
        self._clock = clock
        self._still_s: Callable[[], float] = lambda: float("inf")
        self._moved = clock()
        self._failing: dict[str, float] = {}
        self._member = False
        self._reached = False

    def follow(self, still_s: Callable[[], float]) -> None:
        """Learns whom to ask for how many seconds the loop has taken no step."""
        self._still_s = still_s

    def read(self, *, member: bool) -> None:
        """Reading went well, as a member of the group or not (yet)."""
        self._member = member
        self._recover(OF_READING)

    def reached(self) -> None:
        """The sink has answered."""
        self._reached = True

    def committed(self) -> None:
        """A batch is in the sink and committed."""
        self._reached = True
        self._recover(self._failing.keys() - OF_READING)

    def failed(self, step: str) -> None:
        """A try at a step failed; it is made again."""
        self._failing.setdefault(step, self._clock())
        if step in ON_MAIN_THREAD:
            self._moved = self._clock()

    def alive(self) -> Verdict:
        """Whether the loop takes steps."""
        still = min(self._still_s(), self._clock() - self._moved)
        if still < self._limits.stalled_after_s:
            return Verdict(ok=True, reasons=())
        return Verdict(ok=False, reasons=(f"the loop has taken no step for {still:.0f} s; restart the service",))

    def ready(self) -> Verdict:
        """Whether the service does its work."""
        reasons = [*self._beginning(), *self._failures(), *self.alive().reasons]
        if self._stop.is_set():
            reasons.append("the service stops")
        return Verdict(not reasons, tuple(reasons))

    def _beginning(self) -> list[str]:
        missing = (
            (self._member, "no member of the consumer group yet"),
            (self._reached, "the sink has not answered yet"),
        )
        return [words for there, words in missing if not there]

    def _failures(self) -> list[str]:
        since = {step: self._clock() - began for step, began in list(self._failing.items())}
        return [
            f"{step} has failed for {seconds:.0f} s; the log says why"
            for step, seconds in since.items()
            if seconds >= self._limits.unready_after_s
        ]

    def _recover(self, steps: frozenset[str] | set[str]) -> None:
        for step in steps:
            self._failing.pop(step, None)
