"""OpenTelemetry: a span for each batch, linked to the traces of those who produced its records.

Imported only if `telemetry.traces` is on. Names follow OpenTelemetry's "Semantic Conventions for Messaging Clients":
a batch has many producers, so that it is linked to their traces rather than a part of one of them.
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
from consumer.processing.observer import Report
from consumer.processing.record import Record, TopicPartition

MOST_LINKS: Final = 32
"""Links of one span: collectors keep 128 by default, and who looks at a batch looks at a few."""

MOST_WAITING: Final = 1000
"""Contexts of one partition that are kept until they are committed; the latest ones."""

_HEADERS: Final = ("traceparent", "tracestate")
_NS: Final = 1_000_000_000


def exporting() -> SpanProcessor:
    """Sends spans to where OpenTelemetry's environment variables say, on a thread of the library's."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- not in tests
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return BatchSpanProcessor(OTLPSpanExporter())


class BatchSpans:
    """Makes a span of each batch; used by the loop's threads.

    Args:
        kafka: Names the topic and the group.
        processor: Where spans go.
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
        """Notes the producers' contexts."""
        for record in records:
            if (context := self._context(record)) is not None:
                waiting = self._waiting.setdefault(record.place, deque(maxlen=MOST_WAITING))
                waiting.append((record.offset, context))

    def forget(self, places: Collection[TopicPartition]) -> None:
        """Another member will commit what is in hand of these."""
        for place in places:
            self._waiting.pop(place, None)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Gathers the links of what is committed, each context once."""
        self._offsets = dict(offsets)
        for place, upto in offsets.items():
            waiting = self._waiting.get(place, deque())
            while waiting and waiting[0][0] < upto:
                context = waiting.popleft()[1]
                self._links.setdefault((context.trace_id, context.span_id), Link(context))

    def failed(self, step: str) -> None:  # noqa: ARG002 -- the log and the metrics tell them apart
        """Counts it for the next span."""
        self._retries += 1

    def committed(self, report: Report) -> None:
        """Makes the span; it began when the first record arrived."""
        end = self._now_ns()
        kafka = self._kafka
        span = self._tracer.start_span(
            f"process {kafka.topic}",
            kind=SpanKind.CONSUMER,
            links=list(islice(self._links.values(), MOST_LINKS)),
            start_time=end - int(report.seconds * _NS),
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": kafka.topic,
                "messaging.consumer.group.name": kafka.group_id,
                "messaging.batch.message_count": report.records,
                "headwater.batch.bytes": report.size,
                "headwater.batch.partitions": sorted(place.partition for place in self._offsets),
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
        """Sends what is left, for as long as the exporter's own limits allow."""
        self._provider.shutdown()

    def _context(self, record: Record) -> SpanContext | None:
        """What a record's headers say of its producer's span, in the form of W3C's "Trace Context"."""
        carrier = {name: data.decode("latin-1") for name, data in record.headers if name in _HEADERS}
        if "traceparent" not in carrier:
            return None
        context = get_current_span(self._propagator.extract(carrier)).get_span_context()
        return context if context.is_valid else None
