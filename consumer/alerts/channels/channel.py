"""The port of channels: an adapter delivers events to one receiver and reports what the receiver answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from consumer.alerts.cloud_event import CloudEvent
from consumer.errors import TransientError


class RetryAfter(TransientError):
    """The receiver asks for a pause.

    Attributes:
        seconds: Length of the pause.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class Channel(Protocol):
    """Delivers events to one receiver; used by one thread.

    Attributes:
        most: Number of events that one call of `send` takes.
    """

    most: int

    def send(self, events: Sequence[CloudEvent]) -> None:
        """Delivers events, in order; returns once the receiver has acknowledged each of them.

        Raises:
            TransientError: Some may not have arrived; send all of them again.
            RefusedWrite: The receiver will never take one of them; some may have arrived.
        """

    def close(self) -> None:
        """Closes connections."""
