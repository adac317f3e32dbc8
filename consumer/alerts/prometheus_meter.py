"""Counts alerting for Prometheus."""

from __future__ import annotations

from consumer.telemetry import metrics as of
from consumer.telemetry.metrics import Metrics


class PrometheusAlertMeter:
    """Counts in a service's metrics.

    Args:
        metrics: The service's metrics.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def raised(self, rule: str) -> None:
        """Counts an alert that stands for itself."""
        self._metrics[of.ALERTS].labels(rule, "raised").inc()

    def folded(self, rule: str) -> None:
        """Counts a finding under the alert of its cause."""
        self._metrics[of.ALERTS].labels(rule, "folded").inc()

    def waiting(self, records: int, oldest_s: float) -> None:
        """Changes wait for their evaluation."""
        self._metrics[of.ALERT_OUTBOX].set(records)
        self._metrics[of.ALERT_OUTBOX_AGE].set(oldest_s)

    def delivered(self, channel: str, alerts: int) -> None:
        """Counts alerts that a receiver has acknowledged."""
        self._metrics[of.ALERT_DELIVERIES].labels(channel, "sent").inc(alerts)

    def muted(self, channel: str, alerts: int) -> None:
        """Alerts were left out by a mute."""
        self._metrics[of.ALERT_DELIVERIES].labels(channel, "muted").inc(alerts)

    def failed(self, channel: str) -> None:
        """Counts a failed attempt, which is made again."""
        self._metrics[of.ALERT_DELIVERIES].labels(channel, "failed").inc()

    def refused(self, channel: str, alerts: int) -> None:
        """Alerts became dead letters."""
        self._metrics[of.ALERT_DELIVERIES].labels(channel, "refused").inc(alerts)

    def behind(self, channel: str, oldest_s: float) -> None:
        """Sets the age of the oldest alert that a channel has not got."""
        self._metrics[of.ALERT_BEHIND].labels(channel).set(oldest_s)
