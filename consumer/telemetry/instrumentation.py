"""The one who watches the service, and tells metrics, health and traces what it sees."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Protocol

import structlog
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from consumer.processing.observer import Report
from consumer.processing.ports import OnLost, OnRevoked, Source
from consumer.processing.record import Record, TopicPartition
from consumer.telemetry import metrics as of
from consumer.telemetry.health import Health
from consumer.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


class Trace(Protocol):
    """Follows records from their reading to their commit."""

    def read(self, records: Sequence[Record]) -> None:
        """These were read."""

    def forget(self, places: Collection[TopicPartition]) -> None:
        """What was read of these partitions is void."""

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """What is before these offsets is committed."""

    def failed(self, step: str) -> None:
        """A try at a step failed."""

    def committed(self, report: Report) -> None:
        """All of it was one batch."""


class Watch:
    """Observes the loop; called on its threads.

    Args:
        metrics: Told of everything.
        health: Told of what went well and what did not.
        trace: Told of each batch, if there is one who wants to know.
        now: Seconds since 1970.
    """

    def __init__(
        self, metrics: Metrics, health: Health, trace: Trace | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.metrics = metrics
        self.health = health
        self.trace = trace
        self._now = now

    def committed(self, report: Report) -> None:
        """A batch is durable and its offsets are committed."""
        metrics, now = self.metrics, self._now()
        metrics[of.RECORDS].inc(report.records)
        metrics[of.EVENTS].inc(report.events)
        metrics[of.REJECTED].inc(report.rejected)
        metrics[of.RECORD_BYTES].inc(report.size)
        metrics[of.BATCH_RECORDS].observe(report.records)
        metrics[of.BATCH_SECONDS].observe(report.seconds)
        metrics[of.WRITE_SECONDS].observe(report.write_s)
        if report.newest_ms > 0:  # old producers give no time
            # Clocks of several machines: what is a moment in the future took no time.
            metrics[of.EVENT_DELAY].observe(max(0.0, now - report.newest_ms / 1000))
        metrics[of.LAST_COMMIT].set(now)
        _log.debug("batch committed", **asdict(report))
        self.health.committed()
        if self.trace is not None:
            self.trace.committed(report)

    def failed(self, step: str, error: Exception) -> None:  # noqa: ARG002 -- the loop logs it
        """A try at a step failed; it is made again."""
        self.metrics[of.RETRIES].labels(step if step in of.STEPS else "other").inc()
        self.health.failed(step)
        if self.trace is not None:
            self.trace.failed(step)

    def lost(self, place: TopicPartition, records: int) -> None:  # noqa: ARG002 -- the source logs it
        """Records are gone from the topic that the group had not read."""
        self.metrics[of.LOST].inc(records)


class WatchedSource:
    """A source that tells what is read and committed.

    Args:
        source: The one that does the work.
        is_member: Whether the group counts it in.
        watch: Who is told.
    """

    def __init__(self, source: Source, is_member: Callable[[], bool], watch: Watch) -> None:
        self.newest: dict[TopicPartition, int] = {}
        """The timestamp of the last record that was read of each partition, in milliseconds since 1970."""
        self._source = source
        self._is_member = is_member
        self._watch = watch

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnLost | None = None) -> None:
        """Joins the group."""

        def revoked(gone: Collection[TopicPartition]) -> None:
            for place in gone:
                self.newest.pop(place, None)
            if self._watch.trace is not None:
                self._watch.trace.forget(gone)
            on_revoked(gone)

        self._source.subscribe(revoked, on_lost or self._watch.lost)

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """The next records."""
        found = self._source.poll(timeout_s, max_records)
        self._watch.health.read(member=self._is_member())
        for record in found:
            self.newest[record.place] = record.timestamp_ms
        if self._watch.trace is not None:
            self._watch.trace.read(found)
        return found

    def heartbeat(self, timeout_s: float) -> None:
        """Keeps the membership."""
        self._source.heartbeat(timeout_s)
        self._watch.health.read(member=self._is_member())

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps where the group goes on."""
        self._source.commit(offsets)
        if self._watch.trace is not None:
            self._watch.trace.commit(offsets)

    def lag(self) -> Mapping[TopicPartition, int]:
        """What was not read yet of each partition."""
        return self._source.lag()

    def close(self) -> None:
        """Leaves the group."""
        self._source.close()


class State(Collector):
    """What is true at the moment when Prometheus asks.

    Args:
        source: Asked for what it has not read.
        waiting_s: The age of the oldest record in hand, in seconds.
        health: Asked whether the service is ready.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        source: WatchedSource,
        waiting_s: Callable[[], float],
        health: Health,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._waiting_s = waiting_s
        self._health = health
        self._now = now

    def collect(self) -> Iterator[Family]:
        """The samples of `consumer.telemetry.metrics.SCRAPED`."""
        lag = self._source.lag()
        records, seconds = of.LAG_RECORDS.family(), of.LAG_SECONDS.family()
        for place, behind in sorted(lag.items()):
            records.add_metric([str(place.partition)], behind)
            seconds.add_metric([str(place.partition)], self._behind_s(place) if behind else 0.0)
        yield from (records, seconds)
        for metric, value in (
            (of.PARTITIONS, len(lag)),
            (of.OLDEST, self._waiting_s()),
            (of.READY, int(self._health.ready().ok)),
        ):
            family = metric.family()
            family.add_metric([], value)
            yield family

    def _behind_s(self, place: TopicPartition) -> float:
        newest = self._source.newest.get(place)
        return max(0.0, self._now() - newest / 1000) if newest else 0.0
