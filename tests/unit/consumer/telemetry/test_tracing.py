"""Spans of batches, as a collector gets them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from consumer.config.loader import load
from consumer.config.settings import HttpSettings, KafkaSettings
from consumer.errors import UsageError
from consumer.processing.observer import BatchReport
from consumer.processing.record import Headers, Record, TopicPartition
from consumer.telemetry.health import Health
from consumer.telemetry.instrumentation import InstrumentedSource, ServiceInstrumentation
from consumer.telemetry.metrics import Metrics
from consumer.telemetry.setup import instrumented
from consumer.telemetry.tracing import MAX_LINKS, MAX_PENDING_CONTEXTS, BatchSpans
from tests.support.brokers.in_memory_broker import Broker, MemoryProducer, MemorySource

NOW_NS = 1_800_000_000 * 10**9
PLACE = TopicPartition("events", 0)
REPORT = BatchReport(records=3, events=2, rejected=1, size=900, seconds=1.5, write_s=0.25, newest_ms=1)


def traceparent(trace: int, span: int) -> Headers:
    """A producer's context in a record's headers."""
    return (("traceparent", f"00-{trace:032x}-{span:016x}-01".encode()),)


def record(offset: int, headers: Headers = (), place: TopicPartition = PLACE) -> Record:
    """A record with headers."""
    return Record(*place, offset, None, b"{}", 0, headers)


class World:
    """Spans and those that were sent."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        settings = KafkaSettings(topic="events", group_id="g")
        self.spans = BatchSpans(settings, SimpleSpanProcessor(self.exporter), lambda: NOW_NS)

    def span(self) -> ReadableSpan:
        """The only span."""
        (found,) = self.exporter.get_finished_spans()
        self.exporter.clear()
        return found

    def links(self) -> list[tuple[int, int]]:
        """Trace and span that the only span is linked to."""
        return [(link.context.trace_id, link.context.span_id) for link in self.span().links]


@pytest.fixture
def world() -> Iterator[World]:
    """No span yet."""
    made = World()
    yield made
    made.spans.close()


def test_a_span_of_a_batch(world: World) -> None:
    """It lasts from the first record's arrival to the commit, and says what was in it."""
    world.spans.read([record(0), record(1), record(2)])
    world.spans.failed("writing")
    world.spans.commit({PLACE: 3, TopicPartition("events", 4): 9})
    world.spans.committed(REPORT)
    span = world.span()
    assert (span.name, span.kind) == ("process events", SpanKind.CONSUMER)
    assert (span.start_time, span.end_time) == (NOW_NS - 1_500_000_000, NOW_NS)
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": "events",
        "messaging.consumer.group.name": "g",
        "messaging.batch.message_count": 3,
        "headwater.batch.bytes": 900,
        "headwater.batch.partitions": (0, 4),
        "headwater.batch.events": 2,
        "headwater.batch.rejected": 1,
        "headwater.batch.write_seconds": 0.25,
        "headwater.batch.retries": 1,
        "headwater.batch.producers": 0,
    }
    assert span.resource.attributes["service.name"] == "headwater"


def test_linked_to_its_producers(world: World) -> None:
    """To each producer's span once; what is read already and committed later is the next batch's."""
    world.spans.read([record(0, traceparent(1, 1)), record(1, traceparent(1, 1)), record(2, traceparent(2, 5))])
    world.spans.read([record(3, traceparent(9, 9))])
    world.spans.commit({PLACE: 3})
    world.spans.committed(REPORT)
    assert world.links() == [(1, 1), (2, 5)]
    world.spans.commit({PLACE: 4})
    world.spans.committed(REPORT)
    assert world.links() == [(9, 9)]


def test_headers_that_are_no_context(world: World) -> None:
    """What others put there does no harm."""
    odd = [b"", b"00-zz-1-01", b"\xff\xfe", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"]
    world.spans.read([record(number, (("traceparent", data),)) for number, data in enumerate(odd)])
    world.spans.read([record(8, (("other", b"x"),)), record(9, traceparent(3, 3))])
    world.spans.commit({PLACE: 10})
    world.spans.committed(REPORT)
    assert world.links() == [(3, 3)]


def test_links_are_bounded(world: World) -> None:
    """So are the contexts in hand; the span says how many producers there were."""
    count = 3 * MAX_PENDING_CONTEXTS
    world.spans.read([record(number, traceparent(1, number + 1)) for number in range(count)])
    assert sum(map(len, world.spans._waiting.values())) == MAX_PENDING_CONTEXTS
    world.spans.commit({PLACE: count})
    world.spans.committed(REPORT)
    span = world.span()
    assert len(span.links) == MAX_LINKS
    assert (span.attributes or {})["headwater.batch.producers"] == MAX_PENDING_CONTEXTS


def test_revoked_records_are_linked_elsewhere(world: World) -> None:
    """By who commits them; the source tells, through the one who watches it."""
    broker = Broker()
    broker.create_topic("events", 2)
    watch = ServiceInstrumentation(Metrics(), Health(HttpSettings(), threading.Event(), lambda: 0.0), world.spans)
    source = InstrumentedSource(MemorySource(broker, "events", "g"), lambda: True, watch)
    source.subscribe(lambda _: None)
    producer = MemoryProducer(broker)
    for key in (b"a", b"b", b"c", b"d", b"e", b"f"):
        producer.write("events", [(key, b"{}", traceparent(1, key[0]))])
    found = source.poll(5, 100)
    assert {record.partition for record in found} == {0, 1}, "the keys are of one partition"
    other = MemorySource(broker, "events", "g")
    other.subscribe(lambda _: None)
    source.poll(0, 1)  # it learns that the second partition is the other one's
    mine = [record for record in found if record.partition == 0]
    source.commit({PLACE: mine[-1].offset + 1})
    watch.committed(REPORT)
    assert world.links() == [(1, (record.key or b"?")[0]) for record in mine]
    assert not world.spans._waiting.get(TopicPartition("events", 1))
    broker.close()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.delitem(sys.modules, "consumer.telemetry.tracing", raising=False)
    wanted = load({"telemetry.traces": True})
    with (
        pytest.raises(
            UsageError, match=r"telemetry.traces is on, but opentelemetry.* install .headwater\[consumer,tracing"
        ),
        instrumented(wanted, threading.Event(), lambda: None),
    ):
        pytest.fail("it began without its traces")
