"""What the loop, the source and the stores do, as metrics and health tell it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing

import orjson
import pytest

from consumer.config.settings import BatchSettings, HttpSettings
from consumer.errors import TransientError
from consumer.kafka.dead_letter_topic import TopicDeadLetters
from consumer.processing.observer import BatchReport
from consumer.processing.processor import StreamProcessor
from consumer.processing.record import TopicPartition
from consumer.telemetry.health import Health
from consumer.telemetry.instrumentation import InstrumentedSource, LiveCollector, ServiceInstrumentation
from consumer.telemetry.metering_decorators import MeteredDeadLetters
from consumer.telemetry.metrics import SCRAPED, Metrics
from schemas.decode import decode
from schemas.events import Event
from tests.support.brokers.in_memory_broker import Broker, MemoryProducer, MemorySource

NOW = 1_800_000_000.0


class Sink:
    """Fails as often as it is told, and stops the service once it has got something."""

    def __init__(self, stop: threading.Event, fails: int = 0) -> None:
        self._stop = stop
        self._fails = fails

    def write(self, events: Sequence[Event]) -> None:
        """Takes events, or not yet."""
        assert events
        if self._fails:
            self._fails -= 1
            raise TransientError("the graph is down")
        self._stop.set()

    def close(self) -> None:
        """Has nothing to give back."""


class World:
    """A watched service on an embedded broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.topic, self.dead = "events", "dead"
        broker.create_topic(self.topic, 2)
        broker.create_topic(self.dead)
        self.stop = threading.Event()
        self.metrics = Metrics()
        self.health = Health(HttpSettings(), self.stop, time.monotonic)
        self.watch = ServiceInstrumentation(self.metrics, self.health, now=lambda: NOW)
        self.source = InstrumentedSource(MemorySource(broker, self.topic, "g"), lambda: True, self.watch)

    def produce(self, *values: bytes | None) -> None:
        """Writes values into the first partition."""
        MemoryProducer(self.broker).write(self.topic, [(None, value, ()) for value in values])

    def run(self, fails: int = 0) -> None:
        """Runs the service until it has written."""
        letters = MeteredDeadLetters(TopicDeadLetters(MemoryProducer(self.broker), self.dead), self.metrics)
        batching = BatchSettings(max_age_s=0.01, retry_first_s=0.01, retry_max_s=0.01)
        sink = Sink(self.stop, fails)
        clock = time.monotonic
        StreamProcessor(self.source, decode, sink, letters, batching, clock, self.stop, observer=self.watch).run()

    def value(self, name: str, **labels: str) -> float | None:
        """A sample as Prometheus would read it."""
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def world() -> Iterator[World]:
    """Records are made two seconds before now."""
    with closing(Broker(None, lambda: NOW - 2)) as broker:
        yield World(broker)


def event(**more: object) -> bytes:
    """A run event."""
    said: dict[str, object] = {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {"runId": "01890a5d-ac96-774b-bcce-b302099a8057"},
        "job": {"namespace": "ns", "name": "job"},
    }
    return orjson.dumps(said | more)


def nobody(_: Collection[TopicPartition]) -> None:
    """Does not mind what is revoked."""


def test_a_batch_is_counted(world: World) -> None:
    """Records, events and rejected ones by their kind, sizes, times, and the delay of the newest."""
    values = [event(), b"{]", None, event(), event(run={"runId": ""})]
    world.produce(*values)
    world.run()
    assert world.value("headwater_records_total") == 5
    assert world.value("headwater_events_total") == 2
    assert world.value("headwater_rejected_records_total") == 3
    kinds = {kind: world.value("headwater_dead_letters_total", kind=kind) for kind in ("document", "tombstone", "run")}
    assert kinds == {"document": 1, "tombstone": 1, "run": 1}
    assert world.value("headwater_record_bytes_total") == sum(len(value or b"") for value in values)
    assert world.value("headwater_batch_records_sum") == 5
    assert (world.value("headwater_batch_seconds_count") or 0) >= 1
    assert (world.value("headwater_write_seconds_sum") or 0) > 0
    assert world.value("headwater_event_delay_seconds_sum") == pytest.approx(2.0)
    assert world.value("headwater_last_commit_timestamp_seconds") == NOW


def test_retries_are_counted_by_step(world: World) -> None:
    """A graph that is down shows as failed tries of writing; then health has recovered."""
    world.produce(event())
    world.run(fails=3)
    assert world.value("headwater_retries_total", step="writing") == 3
    assert world.value("headwater_retries_total", step="committing") == 0
    assert world.health.ready().reasons == ("the service is stopping",)


def test_steps_that_nobody_knows_are_bounded(world: World) -> None:
    """No step makes a series of its own."""
    world.watch.failed("dancing", TransientError("x"))
    assert world.value("headwater_retries_total", step="other") == 1
    assert world.value("headwater_retries_total", step="dancing") is None


def test_a_clock_ahead_of_ours_makes_no_negative_delay(world: World) -> None:
    """A histogram's sum must not fall; a record without a time is left out."""
    for newest_ms in (int(NOW * 1000) + 60_000, -1):
        world.watch.committed(BatchReport(1, 1, 0, 10, 0.1, 0.1, newest_ms))
    assert world.value("headwater_event_delay_seconds_sum") == 0
    assert world.value("headwater_event_delay_seconds_count") == 1


def test_state_at_a_scrape(world: World) -> None:
    """Lag in records and seconds for owned partitions; what is scraped is what the catalogue says."""
    world.metrics.registry.register(LiveCollector(world.source, lambda: 7.5, world.health, lambda: NOW))
    assert world.value("headwater_partitions") == 0
    world.source.subscribe(nobody)
    world.produce(event(), event(), event())
    assert len(world.source.poll(5, 1)) == 1
    assert world.value("headwater_partitions") == 2
    assert world.value("headwater_lag_records", partition="0") == 2
    assert world.value("headwater_lag_seconds", partition="0") == pytest.approx(2.0), (
        "the age of the last that was read"
    )
    assert world.value("headwater_lag_records", partition="1") == 0
    assert world.value("headwater_oldest_uncommitted_seconds") == 7.5
    assert world.value("headwater_ready") == 0
    assert len(world.source.poll(5, 10)) == 2
    assert world.value("headwater_lag_seconds", partition="0") == 0
    world.health.reached()
    assert world.value("headwater_ready") == 1
    families = {family.name: family for family in world.metrics.registry.collect()}
    assert [(families[metric.name].type, families[metric.name].documentation) for metric in SCRAPED] == [
        (metric.type, metric.meaning) for metric in SCRAPED
    ]


def test_revoked_partitions_have_no_series(world: World) -> None:
    """Another member tells of them now; two would count their lag twice."""
    world.metrics.registry.register(LiveCollector(world.source, lambda: 0, world.health, lambda: NOW))
    gone: list[TopicPartition] = []
    world.source.subscribe(gone.extend)
    world.source.poll(0, 1)
    assert world.value("headwater_lag_records", partition="1") == 0
    other = MemorySource(world.broker, world.topic, "g")
    other.subscribe(nobody)
    world.source.poll(0, 1)
    assert gone == [TopicPartition(world.topic, 1)]
    assert world.value("headwater_lag_records", partition="1") is None
    assert world.value("headwater_partitions") == 1


def test_lost_records(world: World) -> None:
    """What retention took is counted, and told to whoever else asked."""
    world.source.subscribe(nobody)
    world.watch.lost(TopicPartition(world.topic, 0), 40)
    assert world.value("headwater_lost_records_total") == 40


def test_membership(world: World) -> None:
    """Reading alone is not membership: the broker may not have let it in yet."""
    member: Callable[[], bool] = lambda: False  # noqa: E731
    source = InstrumentedSource(MemorySource(world.broker, world.topic, "h"), lambda: member(), world.watch)  # noqa: PLW0108
    source.subscribe(nobody)
    source.poll(0, 1)
    assert "not yet a member of the consumer group" in world.health.ready().reasons
    member = lambda: True  # noqa: E731
    source.heartbeat(0)
    assert "not yet a member of the consumer group" not in world.health.ready().reasons
