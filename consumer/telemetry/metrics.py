"""Every metric of the service: one catalogue, from which what Prometheus reads and docs/metrics.md are made.

Names follow Prometheus's guide "Metric and label naming": a prefix, base units (seconds, bytes), `_total` for counters.
No label takes values from events: what a producer writes must not decide how many series there are.
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
"""What the loop tries again when it fails."""

KINDS: Final = ("tombstone", "document", "time", "run", "job", "dataset", "refused", "other")
"""Why records are rejected; see `consumer.telemetry.metering_decorators.kind_of`."""

OPERATIONS: Final = ("read", "write", "edges_at", "vertices", "edges")
OUTCOMES: Final = ("ok", "unavailable", "refused")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_DELAYS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_COUNTS = (1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000)


@dataclass(frozen=True, slots=True)
class Metric(Generic[MetricT]):
    """One metric.

    Attributes:
        kind: What it is to Prometheus.
        name: As its series are called; a counter's with `_total`.
        unit: Of its values.
        meaning: One sentence or two.
        labels: The values of each label, or what bounds them, in words.
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
        """Its kind as Prometheus writes it."""
        return cast("Literal['counter', 'gauge', 'histogram']", self.kind.__name__.lower())

    @property
    def series(self) -> tuple[str, ...]:
        """The names by which queries reach it."""
        if self.kind is Histogram:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)

    def make(self, registry: CollectorRegistry) -> MetricT:
        """The library's metric; label values that are known are there from the start, with 0.

        A series that only comes with its first count would hide that count from `increase`.
        """
        options: dict[str, Any] = {"buckets": self.buckets} if self.buckets else {}
        made = self.kind(self.name, self.meaning, tuple(self.labels), registry=registry, **options)
        known = [values for values in self.labels.values() if isinstance(values, tuple)]
        if known and len(known) == len(self.labels):
            for values in itertools.product(*known):
                made.labels(*values)
        return made

    def family(self) -> GaugeMetricFamily:
        """An empty family of samples, for what is read at each scrape."""
        return GaugeMetricFamily(self.name, self.meaning, labels=tuple(self.labels))


RECORDS = Metric(Counter, "headwater_records_total", "records", "Records that are committed, rejected ones included.")
EVENTS = Metric(Counter, "headwater_events_total", "events", "Events that are in the sink and committed.")
RECORD_BYTES = Metric(
    Counter, "headwater_record_bytes_total", "bytes", "Keys and values of the records that are committed."
)
REJECTED = Metric(
    Counter, "headwater_rejected_records_total", "records", "Records that are committed as dead letters, not as events."
)
DEAD_LETTERS = Metric(
    Counter,
    "headwater_dead_letters_total",
    "records",
    "Dead letters written; more than what is rejected if a crash or a rebalance lets some come again.",
    {"kind": KINDS},
)
LOST = Metric(
    Counter,
    "headwater_lost_records_total",
    "records",
    "Records that retention took from the topic before the group had read them.",
)
RETRIES = Metric(
    Counter, "headwater_retries_total", "tries", "Tries that failed and are made again, by step.", {"step": STEPS}
)
CHANGES = Metric(
    Counter,
    "headwater_graph_changes_total",
    "changes",
    "Changes of a vertex and what hangs on it: done, or left since another writer was there first (it reads again).",
    {"outcome": ("done", "overtaken")},
)
BATCH_SECONDS = Metric(
    Histogram,
    "headwater_batch_seconds",
    "seconds",
    "From the arrival of a batch's first record to its commit.",
    buckets=_SECONDS,
)
BATCH_RECORDS = Metric(Histogram, "headwater_batch_records", "records", "Records of a batch.", buckets=_COUNTS)
WRITE_SECONDS = Metric(
    Histogram,
    "headwater_write_seconds",
    "seconds",
    "How long the sink took for a batch, failed tries and waits included.",
    buckets=_SECONDS,
)
EVENT_DELAY = Metric(
    Histogram,
    "headwater_event_delay_seconds",
    "seconds",
    "From the timestamp of a batch's newest record until it is visible in the sink and committed.",
    buckets=_DELAYS,
)
REQUEST_SECONDS = Metric(
    Histogram,
    "headwater_graph_request_seconds",
    "seconds",
    "Calls of the graph's store, by operation and outcome; the waits of its own retries included.",
    {"operation": OPERATIONS, "outcome": OUTCOMES},
    buckets=_SECONDS,
)
DATAZONE_EVENTS = Metric(
    Counter,
    "headwater_datazone_events_total",
    "events",
    "Events that came to the sink datazone: posted, known from a post before, or not forwarded and why.",
    {"fate": ("posted", "known", "not_a_run", "no_lineage", "no_route")},
)
DATAZONE_REDUCED = Metric(
    Counter, "headwater_datazone_reduced_events_total", "events", "Events posted without facets, for DataZone's limit."
)
DATAZONE_REQUESTS = Metric(
    Counter,
    "headwater_datazone_requests_total",
    "requests",
    "PostLineageEvent requests by what came of them.",
    {"answer": ("ok", "throttled", "conflict", "unavailable", "refused")},
)
DATAZONE_SPACING = Metric(
    Gauge,
    "headwater_datazone_post_interval_seconds",
    "seconds",
    "Time that this process leaves between two posts, by its share of the account's quota; 0 before the first one.",
)
LAST_COMMIT = Metric(
    Gauge,
    "headwater_last_commit_timestamp_seconds",
    "seconds since 1970",
    "When a batch was last committed; 0 if never.",
)
BUILD = Metric(
    Gauge,
    "headwater_build_info",
    "1",
    "Always 1; its labels say what runs.",
    {"version": "Headwater's", "python": "the interpreter's"},
)
LAG_RECORDS = Metric(
    Gauge,
    "headwater_lag_records",
    "records",
    "Records of an owned partition that were not read yet, as of the last answer of the broker.",
    {"partition": "those that this member owns"},
)
LAG_SECONDS = Metric(
    Gauge,
    "headwater_lag_seconds",
    "seconds",
    "Age of the last record that was read of an owned partition while there are more; 0 if there are none.",
    {"partition": "those that this member owns"},
)
PARTITIONS = Metric(Gauge, "headwater_partitions", "partitions", "Partitions that this member owns and has read from.")
OLDEST = Metric(
    Gauge, "headwater_oldest_uncommitted_seconds", "seconds", "Age of the oldest record in hand that is not committed."
)
READY = Metric(Gauge, "headwater_ready", "0 or 1", "Whether `/readyz` says 200.")

COUNTED: Final = (
    *(RECORDS, EVENTS, RECORD_BYTES, REJECTED, DEAD_LETTERS, LOST, RETRIES, CHANGES, LAST_COMMIT, BUILD),
    *(DATAZONE_EVENTS, DATAZONE_REDUCED, DATAZONE_REQUESTS, DATAZONE_SPACING),
    *(BATCH_SECONDS, BATCH_RECORDS, WRITE_SECONDS, EVENT_DELAY, REQUEST_SECONDS),
)
"""Metrics that are told as things happen."""

SCRAPED: Final = (LAG_RECORDS, LAG_SECONDS, PARTITIONS, OLDEST, READY)
"""Metrics that are read when Prometheus asks."""

CATALOGUE: Final[tuple[Metric[Any], ...]] = (*COUNTED, *SCRAPED)


class Metrics:
    """The metrics of one service, in a registry of their own, with those of the process beside them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._made = {metric.name: metric.make(self.registry) for metric in cast("tuple[Metric[Any], ...]", COUNTED)}
        ProcessCollector(registry=self.registry)
        self[BUILD].labels(version("headwater"), platform.python_version()).set(1)

    def __getitem__(self, metric: Metric[MetricT]) -> MetricT:
        """The library's metric, to be told of what happens."""
        return cast("MetricT", self._made[metric.name])
