"""The port of sinks: the graph and DataZone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from schemas.events import Event


class Sink(Protocol):
    """A durable destination of events; takes the same events again, in any order, without effect."""

    def write(self, events: Sequence[Event]) -> None:
        """Makes the events durable before it returns.

        Raises:
            TransientError: The sink can't serve now; some of the events may have been written.
        """
        ...

    def close(self) -> None:
        """Closes connections and files; writes nothing."""
        ...
