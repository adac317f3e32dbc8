"""Where events go: the port of the graph and of DataZone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.events import Event


class Sink(Protocol):
    """Takes events for good; safe to be given the same ones again, in any order."""

    def write(self, events: Sequence[Event]) -> None:
        """Makes the events durable before it returns.

        Raises:
            TransientError: It can't now; some of the events may have been written.
        """
        ...

    def close(self) -> None:
        """Gives back connections and files; writes nothing."""
        ...
