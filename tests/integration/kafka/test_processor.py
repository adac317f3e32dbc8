"""The loop on a real broker: two members, a sink that fails, a broker that dies; nothing is lost."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import orjson
import pytest

from consumer.config.settings import BatchSettings
from consumer.errors import TransientError
from consumer.kafka.dead_letter_topic import TopicDeadLetters
from consumer.kafka.group_consumer import GroupConsumer
from consumer.kafka.producer import TopicProducer
from consumer.processing.processor import StreamProcessor
from schemas.decode import decode
from schemas.events import Event, RunEvent
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.each_kafka

PATIENCE_S = 120.0


class Sink:
    """Keeps the runs of events; fails when its turn comes."""

    def __init__(self, fails: Callable[[], bool]) -> None:
        self.runs: set[str] = set()
        self.errors: list[BaseException] = []
        self._fails = fails

    def write(self, events: Sequence[Event]) -> None:
        """Keeps the runs, or none of them."""
        if self._fails():
            raise TransientError("the sink is down")
        self.runs |= {event.run.run_id for event in events if isinstance(event, RunEvent)}

    def close(self) -> None:
        """Has nothing to give back."""


@pytest.fixture
def kafka(kafka_broker: KafkaBroker) -> Iterator[KafkaKit]:
    """The broker, well again afterwards."""
    yield KafkaKit(kafka_broker)
    kafka_broker.heal()


def event(run: str) -> bytes:
    """A run event."""
    return orjson.dumps(
        {
            "eventTime": "2026-01-01T00:00:00Z",
            "eventType": "COMPLETE",
            "producer": "https://example.com",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
            "run": {"runId": run},
            "job": {"namespace": "ns", "name": "job"},
        }
    )


def produce(kafka: KafkaKit, topic: str, count: int) -> set[str]:
    """Writes that many events under as many keys; gives their runs."""
    runs = [str(uuid.uuid4()) for _ in range(count)]
    with closing(kafka.producer()) as producer:
        producer.write(topic, [(run.encode(), event(run), ()) for run in runs])
    return set(runs)


@contextmanager
def running(kafka: KafkaKit, topic: str, dead: str, sink: Sink) -> Iterator[None]:
    """A service in a thread, stopped as a signal would."""
    settings = kafka.settings(topic=topic, group_id="g", dead_letter_topic=dead)
    batching = BatchSettings(max_records=20, max_age_s=0.1, retry_first_s=0.05, retry_max_s=0.3)
    stop = threading.Event()

    def serve() -> None:
        try:
            with closing(TopicDeadLetters(TopicProducer(settings), dead)) as dead_letters:
                source = GroupConsumer(settings)
                StreamProcessor(source, decode, sink, dead_letters, batching, time.monotonic, stop).run()
        except BaseException as error:
            sink.errors.append(error)
            raise

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive(), "the service did not stop"
    assert not sink.errors, f"the service ended with {sink.errors}"


def wait_for(condition: Callable[[], bool], what: str, *sinks: Sink) -> None:
    """Waits for what the services of these sinks do."""

    def check() -> None:
        assert not [error for sink in sinks for error in sink.errors], f"a service ended before {what}"

    wait_until(condition, what, check=check)


def test_two_members_and_a_sink_that_fails(kafka: KafkaKit, kafka_broker: KafkaBroker) -> None:
    """While members come and go and writes fail, every event arrives, bad records are kept, and all is committed."""
    topic, dead = kafka.topic(4), kafka.topic()
    turns = itertools.count()
    one, two = Sink(lambda: next(turns) % 3 == 0), Sink(lambda: next(turns) % 2 == 0)
    sent = produce(kafka, topic, 100)
    with running(kafka, topic, dead, one):
        wait_for(lambda: bool(one.runs), "the first member's reading", one)
        with running(kafka, topic, dead, two):

            def second_reads() -> bool:
                sent.update(produce(kafka, topic, 20))
                return bool(two.runs)

            wait_for(second_reads, "the second member's reading", one, two)
        with closing(kafka.producer()) as producer:
            producer.write(topic, [(b"k", b"{]", ()), (b"k", None, ())])
        sent |= produce(kafka, topic, 50)
        wait_for(lambda: one.runs | two.runs == sent, "arriving of all events", one)
    assert kafka_broker.lag(topic, "g") == 0, "all that was in hand is committed before the group is left"
    assert [letter.value for letter in kafka.browse(dead)] == [b"{]", None]


def test_broker_dies(kafka: KafkaKit, kafka_broker: KafkaBroker) -> None:
    """A broker that crashes and comes back is joined again; nothing is lost."""
    topic, dead = kafka.topic(2), kafka.topic()
    sink = Sink(lambda: False)
    sent = produce(kafka, topic, 50)
    with running(kafka, topic, dead, sink):
        wait_for(lambda: sink.runs == sent, "reading before the crash", sink)
        kafka_broker.stop(crash=True)
        kafka_broker.start()
        sent |= produce(kafka, topic, 50)
        wait_for(lambda: sink.runs == sent, "reading after the crash", sink)
    assert kafka_broker.lag(topic, "g") == 0


def test_a_record_that_is_large_before_it_is_compressed(kafka: KafkaKit, kafka_broker: KafkaBroker) -> None:
    """What the emitter got into the events topic compressed goes to the dead letters the same way."""
    value = b" " * 12_000_000
    topic = kafka.topic()
    with closing(kafka.producer()) as producer:
        producer.write(topic, [(b"k", value, ())])
    (record,) = kafka_broker.records(topic)
    assert record.value == value
