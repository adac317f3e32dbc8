"""Producers with transactions: what they take back was never said, and the marks that they leave hold nothing up."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from kafka import KafkaProducer

from consumer.kafka.group_consumer import GroupConsumer
from consumer.kafka.replay_source import ReplaySource
from consumer.kafka.topic_reader import browse, open_reader
from consumer.processing.ports import RecordSource
from consumer.processing.record import Record, TopicPartition
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

pytestmark = pytest.mark.each_kafka


class Writer:
    """A producer with transactions."""

    def __init__(self, server: KafkaBroker, topic: str) -> None:
        self._topic = topic
        self._producer = KafkaProducer(bootstrap_servers=server.bootstrap, transactional_id=str(uuid.uuid4()))
        self._producer.init_transactions()

    def begin(self, *values: bytes) -> None:
        """Begins a transaction and writes into it."""
        self._producer.begin_transaction()
        for value in values:
            self._producer.send(self._topic, value=value)
        self._producer.flush()

    def commit(self) -> None:
        """Ends it well."""
        self._producer.commit_transaction()

    def abort(self) -> None:
        """Takes it back."""
        self._producer.abort_transaction()

    def close(self) -> None:
        """Gives back the connections."""
        self._producer.close()


class Topic:
    """A topic with transactions, the last of which is aborted, so that nothing in it is given behind `c`."""

    def __init__(self, server: KafkaBroker) -> None:
        self.server = server
        self.kit = KafkaKit(server)
        self.name = self.kit.topic()
        self.topic_partition = TopicPartition(self.name, 0)
        self.writer = Writer(server, self.name)
        for values, end in {
            (b"a", b"b"): self.writer.commit,
            (b"x", b"y"): self.writer.abort,
            (b"c",): self.writer.commit,
            (b"z",): self.writer.abort,
        }.items():
            self.writer.begin(*values)
            end()


@pytest.fixture
def topic(kafka_broker: KafkaBroker) -> Iterator[Topic]:
    """A topic of its own."""
    made = Topic(kafka_broker)
    with closing(made.writer):
        yield made


def read(source: RecordSource, until: Callable[[], bool]) -> list[Record]:
    """Polls until it is so."""
    found: list[Record] = []

    def polled() -> bool:
        if until():
            return True
        found.extend(source.poll(0.2, 100))
        return False

    wait_until(polled, "the end", pause_s=0, context=lambda: str(found))
    return found


def test_aborted_records_are_not_read(topic: Topic) -> None:
    """A group gets what is committed, and is at the topic's end though no record is there; so is its commit."""
    with closing(GroupConsumer(topic.kit.settings(topic=topic.name, group_id="g"))) as source:
        source.subscribe(lambda _: None)
        found = read(source, lambda: source.lag() == {topic.topic_partition: 0})
        assert [record.value for record in found] == [b"a", b"b", b"c"]
        source.commit({topic.topic_partition: found[-1].offset + 1})
        assert topic.server.lag(topic.name, "g") == 0, "behind what nobody is given, nothing waits"
    topic.writer.begin(b"d")
    with closing(GroupConsumer(topic.kit.settings(topic=topic.name, group_id="g"))) as source:
        source.subscribe(lambda _: None)
        read(source, lambda: source.lag() == {topic.topic_partition: 1})
        assert source.poll(0.5, 100) == [], "it is not committed yet"
        topic.writer.commit()
        assert [record.value for record in read(source, lambda: source.lag() == {topic.topic_partition: 0})] == [b"d"]


def test_commits_no_more_than_is_done(topic: Topic) -> None:
    """What is given and not done is given again."""
    for _ in range(2):
        with closing(GroupConsumer(topic.kit.settings(topic=topic.name, group_id="g"))) as source:
            source.subscribe(lambda _: None)
            found = read(source, lambda: source.lag() == {topic.topic_partition: 0})
            assert [record.value for record in found][-2:] == [b"b", b"c"]
            source.commit({topic.topic_partition: 1})


def test_aborted_records_are_not_browsed(topic: Topic) -> None:
    """Who looks into the topic, or replays it, comes to its end, too."""
    assert [record.value for record in browse(topic.kit.settings(), topic.name)] == [b"a", b"b", b"c"]
    finished = threading.Event()
    with open_reader(topic.kit.settings(), topic.name) as reader:
        source = ReplaySource(reader, reader.ranges(), finished)
        source.subscribe(lambda _: None)
        found = read(source, lambda: source.lag() == {topic.topic_partition: 0})
        assert [record.value for record in found] == [b"a", b"b", b"c"]
        source.commit({topic.topic_partition: found[-1].offset + 1})
        source.poll(0.1, 100)
        assert finished.is_set(), "the replay ends"


def test_a_topic_of_nothing_but_aborted_records(topic: Topic) -> None:
    """There is nothing to read, and nothing to wait for."""
    empty = topic.kit.topic()
    with closing(Writer(topic.server, empty)) as writer:
        writer.begin(b"x")
        writer.abort()
    assert list(browse(topic.kit.settings(), empty)) == []
    with closing(GroupConsumer(topic.kit.settings(topic=empty, group_id="g"))) as source:
        source.subscribe(lambda _: None)
        assert read(source, lambda: source.lag() == {TopicPartition(empty, 0): 0}) == []
