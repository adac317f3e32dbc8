"""Instrumentation of the service: from the processor's reports to metrics, health and traces."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

import structlog
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from consumer.processing.observer import BatchReport
from consumer.processing.ports import OnRecordsLost, OnRevoked, RecordSource
from consumer.processing.record import Record, TopicPartition
from consumer.telemetry import metrics as of
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


class BatchTrace(Protocol):
    """Trace of records from poll to commit."""

    def read(self, records: Sequence[Record]) -> None:
        """Adds records that were read."""

    def discard(self, places: Collection[TopicPartition]) -> None:
        """Removes the records of revoked partitions."""

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Adds offsets that are committed; all records before them are."""

    def failed(self, step: str) -> None:
        """Adds a failed attempt of a step."""

    def committed(self, report: BatchReport) -> None:
        """Ends the trace of a batch."""


class ServiceInstrumentation:
    """Observer that feeds metrics, health and traces; called on the processor's threads.

    Args:
        metrics: Counters and histograms of everything.
        health: State for the health checks.
        trace: Trace of batches, if traces are on.
        now: Seconds since 1970.
    """

    def __init__(
        self, metrics: Metrics, health: Health, trace: BatchTrace | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.metrics = metrics
        self.health = health
        self.trace = trace
        self._now = now

    def committed(self, report: BatchReport) -> None:
        """Reports a batch that is durable and whose offsets are committed."""
        metrics, now = self.metrics, self._now()
        metrics[of.RECORDS].inc(report.records)
        metrics[of.EVENTS].inc(report.events)
        metrics[of.REJECTED].inc(report.rejected)
        metrics[of.RECORD_BYTES].inc(report.size)
        metrics[of.BATCH_RECORDS].observe(report.records)
        metrics[of.BATCH_SECONDS].observe(report.seconds)
        metrics[of.WRITE_SECONDS].observe(report.write_s)
        if report.newest_ms > 0:  # old producers set no timestamp
            # The clocks of several machines differ: a time in the future counts as no delay.
            metrics[of.EVENT_DELAY].observe(max(0.0, now - report.newest_ms / 1000))
        metrics[of.LAST_COMMIT].set(now)
        _log.debug("batch committed", **asdict(report))
        self.health.committed()
        if self.trace is not None:
            self.trace.committed(report)

    def failed(self, step: str, error: Exception) -> None:  # noqa: ARG002 -- the processor logs it
        """Reports a failed attempt of a step, which will be retried."""
        self.metrics[of.RETRIES].labels(step if step in of.STEPS else "other").inc()
        self.health.failed(step)
        if self.trace is not None:
            self.trace.failed(step)

    def lost(self, topic_partition: TopicPartition, records: int) -> None:  # noqa: ARG002 -- the source logs it
        """Reports records that left the topic before the group read them."""
        self.metrics[of.LOST].inc(records)


class InstrumentedSource:
    """Record source with instrumentation of reads and commits.

    Args:
        source: The instrumented source.
        is_member: True once the group counts the service in.
        instrumentation: The instrumentation.
    """

    def __init__(
        self, source: RecordSource, is_member: Callable[[], bool], instrumentation: ServiceInstrumentation
    ) -> None:
        self.newest: dict[TopicPartition, int] = {}
        """Timestamp of the last record read of each partition, in milliseconds since 1970."""
        self._source = source
        self._is_member = is_member
        self._watch = instrumentation

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnRecordsLost | None = None) -> None:
        """Joins the group."""

        def revoked(gone: Collection[TopicPartition]) -> None:
            for topic_partition in gone:
                self.newest.pop(topic_partition, None)
            if self._watch.trace is not None:
                self._watch.trace.discard(gone)
            on_revoked(gone)

        self._source.subscribe(revoked, on_lost or self._watch.lost)

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Returns the next records."""
        found = self._source.poll(timeout_s, max_records)
        self._watch.health.read(member=self._is_member())
        for record in found:
            self.newest[record.topic_partition] = record.timestamp_ms
        if self._watch.trace is not None:
            self._watch.trace.read(found)
        return found

    def heartbeat(self, timeout_s: float) -> None:
        """Keeps the membership."""
        self._source.heartbeat(timeout_s)
        self._watch.health.read(member=self._is_member())

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits the offsets at which the group resumes."""
        self._source.commit(offsets)
        if self._watch.trace is not None:
            self._watch.trace.commit(offsets)

    def lag(self) -> Mapping[TopicPartition, int]:
        """Returns the number of unread records of each partition."""
        return self._source.lag()

    def close(self) -> None:
        """Leaves the group."""
        self._source.close()


class LiveCollector(Collector):
    """Collector of values that are read at the time of a scrape.

    Args:
        source: Source of the lag.
        oldest_uncommitted_age_s: Age of the oldest uncommitted record, in seconds.
        health: Source of the readiness.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        source: InstrumentedSource,
        oldest_uncommitted_age_s: Callable[[], float],
        health: Health,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._oldest_uncommitted_age_s = oldest_uncommitted_age_s
        self._health = health
        self._now = now

    def collect(self) -> Iterator[Family]:
        """Yields the samples of `consumer.telemetry.metrics.SCRAPED`."""
        lag = self._source.lag()
        records, seconds = of.LAG_RECORDS.family(), of.LAG_SECONDS.family()
        for topic_partition, behind in sorted(lag.items()):
            records.add_metric([str(topic_partition.partition)], behind)
            seconds.add_metric([str(topic_partition.partition)], self._lag_seconds(topic_partition) if behind else 0.0)
        yield from (records, seconds)
        for metric, value in (
            (of.PARTITIONS, len(lag)),
            (of.OLDEST, self._oldest_uncommitted_age_s()),
            (of.READY, int(self._health.ready().ok)),
        ):
            family = metric.family()
            family.add_metric([], value)
            yield family

    def _lag_seconds(self, topic_partition: TopicPartition) -> float:
        newest = self._source.newest.get(topic_partition)
        return max(0.0, self._now() - newest / 1000) if newest else 0.0
