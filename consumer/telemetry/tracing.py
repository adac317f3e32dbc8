"""OpenTelemetry traces: a span for each batch, linked to the traces of its records' producers.

Imported only if `telemetry.traces` is on. Names follow OpenTelemetry's "Semantic Conventions for Messaging Clients": a
batch has many producers, so its span is linked to their traces and part of none.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.metadata import version
from itertools import islice
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from consumer.config.settings import KafkaSettings
from consumer.processing.observer import BatchReport
from consumer.processing.record import Record, TopicPartition

MAX_LINKS: Final = 32
"""Maximum links of a span: collectors keep 128 by default, and a reader of a batch follows a few."""

MAX_PENDING_CONTEXTS: Final = 1000
"""Contexts of one partition that are kept until their commit, the latest ones."""

_HEADERS: Final = ("traceparent", "tracestate")
_NS: Final = 1_000_000_000


def otlp_exporter() -> SpanProcessor:
    """Returns an exporter of spans on the library's thread, configured by OpenTelemetry's environment variables."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- not in tests
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return BatchSpanProcessor(OTLPSpanExporter())


class BatchSpans:
    """Spans of batches; used by the processor's threads.

    Args:
        kafka: Names of the topic and the group.
        processor: Destination of spans.
        now_ns: Nanoseconds since 1970.
    """

    def __init__(
        self, kafka: KafkaSettings, processor: SpanProcessor, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME", "headwater")
        resource = Resource.create({"service.name": name, "service.version": version("headwater")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("headwater", version("headwater"))
        self._propagator = TraceContextTextMapPropagator()
        self._kafka = kafka
        self._now_ns = now_ns
        self._waiting: dict[TopicPartition, deque[tuple[int, SpanContext]]] = {}
        self._offsets: Mapping[TopicPartition, int] = {}
        self._links: dict[tuple[int, int], Link] = {}
        self._retries = 0

    def read(self, records: Sequence[Record]) -> None:
        """Stores the producers' contexts."""
        for record in records:
            if (context := self._context(record)) is not None:
                waiting = self._waiting.setdefault(record.topic_partition, deque(maxlen=MAX_PENDING_CONTEXTS))
                waiting.append((record.offset, context))

    def discard(self, places: Collection[TopicPartition]) -> None:
        """Removes the contexts of revoked partitions, which another member will commit."""
        for topic_partition in places:
            self._waiting.pop(topic_partition, None)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Collects the links of committed records, each context once."""
        self._offsets = dict(offsets)
        for topic_partition, upto in offsets.items():
            waiting = self._waiting.get(topic_partition, deque())
            while waiting and waiting[0][0] < upto:
                context = waiting.popleft()[1]
                self._links.setdefault((context.trace_id, context.span_id), Link(context))

    def failed(self, step: str) -> None:  # noqa: ARG002 -- log and metrics have the step
        """Counts the attempt for the next span."""
        self._retries += 1

    def committed(self, report: BatchReport) -> None:
        """Creates the span; it starts at the arrival of the first record."""
        end = self._now_ns()
        kafka = self._kafka
        span = self._tracer.start_span(
            f"process {kafka.topic}",
            kind=SpanKind.CONSUMER,
            links=list(islice(self._links.values(), MAX_LINKS)),
            start_time=end - int(report.seconds * _NS),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": kafka.topic,
                "messaging.consumer.group.name": kafka.group_id,
                "messaging.batch.message_count": report.records,
                "headwater.batch.bytes": report.size,
                "headwater.batch.partitions": sorted(topic_partition.partition for topic_partition in self._offsets),
                "headwater.batch.events": report.events,
                "headwater.batch.rejected": report.rejected,
                "headwater.batch.write_seconds": report.write_s,
                "headwater.batch.retries": self._retries,
                "headwater.batch.producers": len(self._links),
            },
        )
        span.end(end)
        self._offsets, self._links, self._retries = {}, {}, 0

    def close(self) -> None:
        """Exports the remaining spans, within the exporter's own limits."""
        self._provider.shutdown()

    def _context(self, record: Record) -> SpanContext | None:
        """Returns the producer's span from a record's headers, in the form of W3C's "Trace Context"."""
        carrier = {name: data.decode("latin-1") for name, data in record.headers if name in _HEADERS}
        if "traceparent" not in carrier:
            return None
        context = get_current_span(self._propagator.extract(carrier)).get_span_context()
        return context if context.is_valid else None
