"""Catalogue of all metrics of the service: the source of what Prometheus reads and of docs/metrics.md.

Names follow Prometheus's guide "Metric and label naming": a prefix, base units (seconds, bytes), `_total` for counters.
No label has values from events, so that producers can't grow the number of series.
"""

from __future__ import annotations

import itertools
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final, Generic, Literal, TypeVar, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily

MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)

STEPS: Final = ("joining", "polling", "writing", "writing dead letters", "committing", "other")
"""Steps that the processor retries when they fail."""

KINDS: Final = ("tombstone", "document", "time", "run", "job", "dataset", "refused", "other")
"""Kinds of rejections; see `consumer.telemetry.metering_decorators.kind_of`."""

OPERATIONS: Final = ("read", "write", "edges_at", "latest_at", "vertices", "edges")
OUTCOMES: Final = ("ok", "unavailable", "refused")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_DELAYS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_COUNTS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)


@dataclass(frozen=True, slots=True)
class Metric(Generic[MetricT]):
    """One metric.

    Attributes:
        kind: The library's class.
        name: Name of its series; a counter's with `_total`.
        unit: Unit of its values.
        meaning: One or two sentences.
        labels: The values of each label, or a description of them.
        buckets: Upper bounds, of a histogram.
    """

    kind: type[MetricT]
    name: str
    unit: str
    meaning: str
    labels: Mapping[str, tuple[str, ...] | str] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def type(self) -> Literal["counter", "gauge", "histogram"]:
        """Prometheus's name of the kind."""
        return cast("Literal['counter', 'gauge', 'histogram']", self.kind.__name__.lower())

    @property
    def series(self) -> tuple[str, ...]:
        """Names of its series in queries."""
        if self.kind is Histogram:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)

    def make(self, registry: CollectorRegistry) -> MetricT:
        """Creates the library's metric; known label values exist from the start, with 0.

        A series that starts with its first count would hide that count from `increase`.
        """
        options: dict[str, Any] = {"buckets": self.buckets} if self.buckets else {}
        made = self.kind(self.name, self.meaning, tuple(self.labels), registry=registry, **options)
        known = [values for values in self.labels.values() if isinstance(values, tuple)]
        if known and len(known) == len(self.labels):
            for values in itertools.product(*known):
                made.labels(*values)
        return made

    def family(self) -> GaugeMetricFamily:
        """Returns an empty family of samples, for what is read at each scrape."""
        return GaugeMetricFamily(self.name, self.meaning, labels=tuple(self.labels))


RECORDS = Metric(Counter, "headwater_records_total", "records", "Committed records, including rejected ones.")
EVENTS = Metric(Counter, "headwater_events_total", "events", "Events that are in the sink and committed.")
RECORD_BYTES = Metric(Counter, "headwater_record_bytes_total", "bytes", "Keys and values of committed records.")
REJECTED = Metric(
    Counter, "headwater_rejected_records_total", "records", "Records committed as dead letters, not as events."
)
DEAD_LETTERS = Metric(
    Counter,
    "headwater_dead_letters_total",
    "records",
    "Dead letters written; more than the rejected records if a crash or a rebalance repeats some.",
    {"kind": KINDS},
)
LOST = Metric(
    Counter,
    "headwater_lost_records_total",
    "records",
    "Records that left the topic before the group read them, such as by retention.",
)
RETRIES = Metric(
    Counter, "headwater_retries_total", "attempts", "Failed attempts that are retried, by step.", {"step": STEPS}
)
CHANGES = Metric(
    Counter,
    "headwater_graph_changes_total",
    "changes",
    "Conditional changes of a vertex and its edges: applied, or in conflict with another writer (read and retried).",
    {"outcome": ("applied", "conflict")},
)
BATCH_SECONDS = Metric(
    Histogram,
    "headwater_batch_seconds",
    "seconds",
    "Time from the arrival of a batch's first record to its commit.",
    buckets=_SECONDS,
)
BATCH_RECORDS = Metric(Histogram, "headwater_batch_records", "records", "Records of a batch.", buckets=_COUNTS)
WRITE_SECONDS = Metric(
    Histogram,
    "headwater_write_seconds",
    "seconds",
    "Time of the sink for a batch, including failed attempts and backoff.",
    buckets=_SECONDS,
)
EVENT_DELAY = Metric(
    Histogram,
    "headwater_event_delay_seconds",
    "seconds",
    "Time from the timestamp of a batch's newest record until it is visible in the sink and committed.",
    buckets=_DELAYS,
)
REQUEST_SECONDS = Metric(
    Histogram,
    "headwater_graph_request_seconds",
    "seconds",
    "Calls of the graph's store by operation and outcome, including backoff of its own retries.",
    {"operation": OPERATIONS, "outcome": OUTCOMES},
    buckets=_SECONDS,
)
DATAZONE_EVENTS = Metric(
    Counter,
    "headwater_datazone_events_total",
    "events",
    "Events that reached the sink datazone: posted, posted before, or not forwarded with the reason.",
    {"outcome": ("posted", "known", "not_a_run", "no_lineage", "no_route")},
)
DATAZONE_REDUCED = Metric(
    Counter,
    "headwater_datazone_reduced_events_total",
    "events",
    "Events posted with fewer facets, because of DataZone's size limit.",
)
DATAZONE_REQUESTS = Metric(
    Counter,
    "headwater_datazone_requests_total",
    "requests",
    "PostLineageEvent requests by outcome.",
    {"outcome": ("ok", "throttled", "conflict", "unavailable", "refused")},
)
DATAZONE_SPACING = Metric(
    Gauge,
    "headwater_datazone_post_interval_seconds",
    "seconds",
    "Interval between two posts of this process, by its share of the account's quota; 0 before the first post.",
)
ALERTS = Metric(
    Counter,
    "headwater_alerts_total",
    "alerts",
    "Findings of the alert rules by outcome: raised as an alert, or folded under the alert of their cause.",
    {"rule": "names of the declared rules", "outcome": ("raised", "folded")},
)
ALERT_DELIVERIES = Metric(
    Counter,
    "headwater_alert_deliveries_total",
    "alerts",
    "Deliveries of alerts by channel: acknowledged, muted, failed (an attempt, made again), or a dead letter.",
    {"channel": "names of the declared channels", "outcome": ("sent", "muted", "failed", "refused")},
)
ALERT_OUTBOX = Metric(
    Gauge, "headwater_alert_outbox_records", "records", "Change records that wait for their evaluation, 2,000 at most."
)
ALERT_OUTBOX_AGE = Metric(
    Gauge,
    "headwater_alert_outbox_age_seconds",
    "seconds",
    "Time since the first waiting change record was seen; 0 if there are none.",
)
ALERT_BEHIND = Metric(
    Gauge,
    "headwater_alert_behind_seconds",
    "seconds",
    "Seconds for which the oldest alert that a channel has not delivered has been due; 0 if there is none.",
    {"channel": "names of the declared channels"},
)
LAST_COMMIT = Metric(
    Gauge,
    "headwater_last_commit_timestamp_seconds",
    "seconds since 1970",
    "Time of the last commit of a batch; 0 if none.",
)
BUILD = Metric(
    Gauge,
    "headwater_build_info",
    "1",
    "Always 1; the labels have the versions.",
    {"version": "Headwater's", "python": "Python's"},
)
LAG_RECORDS = Metric(
    Gauge,
    "headwater_lag_records",
    "records",
    "Unread records of an owned partition, as of the broker's last response.",
    {"partition": "partitions of this member"},
)
LAG_SECONDS = Metric(
    Gauge,
    "headwater_lag_seconds",
    "seconds",
    "Age of the last record read of an owned partition with unread records; 0 without unread ones.",
    {"partition": "partitions of this member"},
)
PARTITIONS = Metric(Gauge, "headwater_partitions", "partitions", "Partitions that this member owns and has read from.")
OLDEST = Metric(Gauge, "headwater_oldest_uncommitted_seconds", "seconds", "Age of the oldest uncommitted record.")
READY = Metric(Gauge, "headwater_ready", "0 or 1", "1 if `/readyz` returns 200.")

COUNTED: Final = (
    *(RECORDS, EVENTS, RECORD_BYTES, REJECTED, DEAD_LETTERS, LOST, RETRIES, CHANGES, LAST_COMMIT, BUILD),
    *(ALERTS, ALERT_DELIVERIES, ALERT_OUTBOX, ALERT_OUTBOX_AGE, ALERT_BEHIND),
    *(DATAZONE_EVENTS, DATAZONE_REDUCED, DATAZONE_REQUESTS, DATAZONE_SPACING),
    *(BATCH_SECONDS, BATCH_RECORDS, WRITE_SECONDS, EVENT_DELAY, REQUEST_SECONDS),
)
"""Metrics that are updated by events of the service."""

SCRAPED: Final = (LAG_RECORDS, LAG_SECONDS, PARTITIONS, OLDEST, READY)
"""Metrics that are read at a scrape."""

CATALOGUE: Final[tuple[Metric[Any], ...]] = (*COUNTED, *SCRAPED)


class Metrics:
    """The metrics of one service and of its process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._made = {metric.name: metric.make(self.registry) for metric in cast("tuple[Metric[Any], ...]", COUNTED)}
        ProcessCollector(registry=self.registry)
        self[BUILD].labels(version("headwater"), platform.python_version()).set(1)

    def __getitem__(self, metric: Metric[MetricT]) -> MetricT:
        """Returns the library's metric, to be updated."""
        return cast("MetricT", self._made[metric.name])
