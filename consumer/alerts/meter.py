"""The port through which alerting is counted."""

from __future__ import annotations

from typing import Protocol


class AlertMeter(Protocol):
    """Counts what becomes of alerts; must return at once and raise nothing."""

    def raised(self, rule: str) -> None:
        """Counts an alert that stands for itself."""

    def folded(self, rule: str) -> None:
        """Counts a finding under the alert of its cause."""

    def waiting(self, records: int, oldest_s: float) -> None:
        """Changes wait for their evaluation.

        Args:
            records: Number of changes.
            oldest_s: Age of the oldest one, in seconds.
        """

    def delivered(self, channel: str, alerts: int) -> None:
        """Counts alerts that a receiver has acknowledged."""

    def muted(self, channel: str, alerts: int) -> None:
        """Alerts were left out by a mute."""

    def failed(self, channel: str) -> None:
        """Counts a failed attempt, which is made again."""

    def refused(self, channel: str, alerts: int) -> None:
        """Alerts became dead letters."""

    def behind(self, channel: str, oldest_s: float) -> None:
        """Sets the age of the oldest alert that a channel has not got, in seconds; 0 if there is none."""


class UnmeteredAlerts:
    """Counts nothing."""

    def raised(self, rule: str) -> None:
        """Counts nothing."""

    def folded(self, rule: str) -> None:
        """Counts nothing."""

    def waiting(self, records: int, oldest_s: float) -> None:
        """Counts nothing."""

    def delivered(self, channel: str, alerts: int) -> None:
        """Counts nothing."""

    def muted(self, channel: str, alerts: int) -> None:
        """Counts nothing."""

    def failed(self, channel: str) -> None:
        """Counts nothing."""

    def refused(self, channel: str, alerts: int) -> None:
        """Counts nothing."""

    def behind(self, channel: str, oldest_s: float) -> None:
        """Counts nothing."""
