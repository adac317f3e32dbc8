"""What of a real broker's topic the library can't parse: nothing hangs on it, and nothing is lost by it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
from kafka import KafkaProducer

from consumer.config.settings import BatchSettings
from consumer.errors import TransientError
from consumer.kafka.dead_letter_topic import TopicDeadLetters, parse_dead_letter
from consumer.kafka.fetch.tolerant_fetcher import MAX_FETCHES
from consumer.kafka.group_consumer import GroupConsumer
from consumer.kafka.topic_reader import browse
from consumer.processing.processor import StreamProcessor
from consumer.processing.record import Record, TopicPartition
from schemas.errors import RejectedEvent
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.brokers.loop_harness import Said
from tests.support.brokers.record_batches import ODD
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.each_kafka

PATIENCE_S = 120.0
POLLS = 300
"""The most polls that wait for a record."""


class Topic:
    """A topic of three batches: `a`; `b0`, `b1`, `b2`; `c0` and `c1`, of which `c0` has a header in Latin-1."""

    def __init__(self, server: KafkaBroker) -> None:
        self.server = server
        self.kit = KafkaKit(server)
        self.name = self.kit.topic()
        self.topic_partition = TopicPartition(self.name, 0)
        self.send("a")
        self.send("b0", "b1", "b2")
        self.send("c0", "c1", odd="c0")

    def send(self, *texts: str, odd: str = "") -> None:
        """Writes a batch, of which one record may have an odd header."""
        with closing(KafkaProducer(bootstrap_servers=self.server.bootstrap, linger_ms=1000)) as producer:
            for text in texts:
                headers = [(ODD, b"1")] if text == odd else []
                producer.send(self.name, key=text.encode(), value=b"of " + text.encode(), headers=headers)
            producer.flush()

    def source(self) -> GroupConsumer:
        """A member of a group that compares checksums."""
        return GroupConsumer(self.kit.settings(topic=self.name, group_id="g", check_crcs="always"))


@pytest.fixture
def topic(kafka_broker: KafkaBroker) -> Iterator[Topic]:
    """A topic of its own."""
    yield Topic(kafka_broker)
    kafka_broker.heal()


def poll(source: GroupConsumer) -> list[Record]:
    """Returns the records of one poll, which comes back whatever is in the topic."""
    return source.poll(0.2, 100)


def take(source: GroupConsumer, count: int) -> list[Record]:
    """Polls until so many records are there."""
    found: list[Record] = []
    for _ in range(POLLS):
        found += poll(source)
        if len(found) >= count:
            return found
    pytest.fail(f"only {found} came")


def test_odd_header(topic: Topic) -> None:
    """A header's name that is no UTF-8 stops neither its record nor its neighbours."""
    with closing(topic.source()) as source:
        source.subscribe(lambda _: None)
        found = take(source, 6)
        assert [record.key for record in found] == [b"a", b"b0", b"b1", b"b2", b"c0", b"c1"]
        assert found[4].headers == ((r"Gr\xf6\xdfe", b"1"),)
        assert not any(record.parse_error for record in found)
        assert source.lag() == {topic.topic_partition: 0}
    assert [record.key for record in browse(topic.kit.settings(), topic.name)] == [record.key for record in found]


def test_damaged_batch(topic: Topic) -> None:
    """A batch with a wrong checksum is fetched again, then is one record with a flaw; what is around it is read."""
    topic.server.damage(topic.name, b"of b1")
    with closing(topic.source()) as source:
        source.subscribe(lambda _: None)
        assert [record.key for record in take(source, 1)] == [b"a"]
        failures: list[str] = []
        found: list[Record] = []
        for _ in range(POLLS):
            try:
                found = poll(source)
            except TransientError as error:
                failures.append(str(error))
            if found:
                break
        assert found, f"it was not passed over: {failures}"
        found += take(source, 2)
        assert len(failures) == MAX_FETCHES - 1
        assert f"{topic.topic_partition}@1: the batch's checksum is wrong" in failures[0]
        assert [record.offset for record in found] == [3, 4, 5]
        assert "the records at offsets 1 to 3 are damaged" in found[0].parse_error
        assert b"of b2" in (found[0].value or b""), "its bytes are kept"
        assert source.lag() == {topic.topic_partition: 0}


def test_damaged_batch_is_a_dead_letter(topic: Topic) -> None:
    """The service keeps what is damaged with its origin, folds the rest, commits all of it and stops when told to."""
    topic.server.damage(topic.name, b"of b1")
    dead, stop, written = topic.kit.topic(), threading.Event(), list[bytes]()

    class Sink:
        def write(self, events: object) -> None:
            written.extend(events)  # type: ignore[arg-type]

        def close(self) -> None: ...

    def decode(data: bytes) -> Said:
        if not data.startswith(b"of "):
            raise RejectedEvent("$", "no event")
        return Said(data)

    def serve() -> None:
        batching = BatchSettings(max_age_s=0.1, retry_first_s=0.01, retry_max_s=0.1)
        with closing(TopicDeadLetters(topic.kit.producer(), dead)) as letters:
            StreamProcessor(topic.source(), decode, Sink(), letters, batching, time.monotonic, stop).run()  # type: ignore[arg-type]

    service = threading.Thread(target=serve, daemon=True)
    service.start()
    wait_until(lambda: len(written) >= 3, "all is written", context=lambda: str(written))
    stop.set()
    service.join(PATIENCE_S)
    assert not service.is_alive(), "it did not stop"
    assert written == [b"of a", b"of c0", b"of c1"]
    assert topic.server.lag(topic.name, "g") == 0
    (letter,) = map(parse_dead_letter, topic.kit.browse(dead))
    assert (letter.record.topic, letter.record.partition, letter.record.offset) == (*topic.topic_partition, 3)
    assert "the records at offsets 1 to 3 are damaged" in letter.reason


def test_damaged_batch_is_browsed(topic: Topic) -> None:
    """Who looks into a topic sees what is damaged among the rest, also among dead letters."""
    topic.server.damage(topic.name, b"of b1")
    found = list(browse(topic.kit.settings(), topic.name))
    assert [(record.offset, bool(record.parse_error)) for record in found] == [
        (0, False),
        (3, True),
        (4, False),
        (5, False),
    ]
    env = {
        "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": topic.server.bootstrap,
        "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": topic.name,
    }
    done = headwater("dead-letters", "list", "--json", env=env)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["letter"] for row in rows] == ["0:3", "0:0", "0:4", "0:5"], done.output
    assert "are damaged" in rows[0]["reason"]


def test_stops_while_it_fetches_again(topic: Topic) -> None:
    """A member leaves while the batch stays damaged, so that no fetch can end well."""
    topic.server.damage(topic.name, b"of a")
    source = topic.source()
    source.subscribe(lambda _: None)
    with suppress(TransientError):
        poll(source)
    source.close()
