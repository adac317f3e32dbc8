"""The embedded and the real broker under one interface, for tests that run on both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Literal, Protocol

from consumer.config.settings import KafkaSettings
from consumer.kafka.group_consumer import GroupConsumer
from consumer.kafka.lost_offset import Policy
from consumer.kafka.producer import TopicProducer
from consumer.kafka.topic_reader import browse
from consumer.processing.ports import Producer, RecordSource
from consumer.processing.record import Record, TopicPartition
from tests.support.brokers.in_memory_broker import Broker, MemoryProducer, MemorySource
from tests.support.processes.servers import KafkaBroker

Begin = Literal["earliest", "latest"]


class Kit(Protocol):
    """What a test needs of a broker."""

    def topic(self, partitions: int = 1) -> str:
        """Makes a topic with a name of its own."""
        ...

    def producer(self) -> Producer:
        """A way to write."""
        ...

    def source(
        self, topic: str, group: str, on_lost_offsets: Policy = "earliest", begin: Begin = "earliest"
    ) -> RecordSource:
        """A member to be."""
        ...

    def browse(self, topic: str) -> Iterator[Record]:
        """All that a topic holds."""
        ...

    def truncate(self, place: TopicPartition, offset: int) -> None:
        """Does what retention does: removes the records before an offset."""
        ...

    def make_anew(self, topic: str) -> None:
        """Deletes a topic and makes an empty one of its name."""
        ...

    def add_partitions(self, topic: str, total: int) -> None:
        """Gives a topic more partitions."""
        ...


class MemoryKit:
    """The embedded broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker

    def topic(self, partitions: int = 1) -> str:
        """Makes a topic with a name of its own."""
        name = f"events-{uuid.uuid4().hex[:12]}"
        self.broker.create_topic(name, partitions)
        return name

    def producer(self) -> Producer:
        """A way to write."""
        return MemoryProducer(self.broker)

    def source(
        self, topic: str, group: str, on_lost_offsets: Policy = "earliest", begin: Begin = "earliest"
    ) -> RecordSource:
        """A member to be."""
        return MemorySource(self.broker, topic, group, begin, on_lost_offsets)

    def browse(self, topic: str) -> Iterator[Record]:
        """All that a topic holds."""
        return self.broker.browse(topic)

    def truncate(self, place: TopicPartition, offset: int) -> None:
        """Removes the records before an offset."""
        self.broker.truncate(place, offset)

    def make_anew(self, topic: str) -> None:
        """Deletes a topic and makes it again."""
        partitions = self.broker.partitions(topic)
        self.broker.delete_topic(topic)
        self.broker.create_topic(topic, partitions)

    def add_partitions(self, topic: str, total: int) -> None:
        """Gives a topic more partitions."""
        self.broker.add_partitions(topic, total)


class KafkaKit:
    """The real broker, on the plaintext listener or on the one with TLS and a password."""

    def __init__(self, server: KafkaBroker, *, secure: bool = False) -> None:
        self._server = server
        self._secure = secure

    def settings(self, **more: object) -> KafkaSettings:
        """Settings that reach the listener."""
        where: dict[str, object] = {"bootstrap_servers": self._server.bootstrap, "heartbeat_interval_s": 0.3}
        if self._secure:
            where |= {
                "bootstrap_servers": self._server.ssl_bootstrap,
                "auth": "scram",
                "username": self._server.username,
                "password": self._server.password,
                "ca_file": self._server.ca_file,
            }
        return KafkaSettings.model_validate(where | {"session_timeout_s": 6.0, "metadata_max_age_s": 1.0} | more)

    def topic(self, partitions: int = 1) -> str:
        """Makes a topic with a name of its own."""
        return self._server.create_topic(partitions=partitions)

    def producer(self) -> Producer:
        """A way to write."""
        return TopicProducer(self.settings())

    def source(
        self, topic: str, group: str, on_lost_offsets: Policy = "earliest", begin: Begin = "earliest"
    ) -> RecordSource:
        """A member to be."""
        more = {"on_lost_offsets": on_lost_offsets, "auto_offset_reset": begin}
        return GroupConsumer(self.settings(topic=topic, group_id=group, **more))

    def browse(self, topic: str) -> Iterator[Record]:
        """All that a topic holds."""
        return browse(self.settings(), topic)

    def truncate(self, place: TopicPartition, offset: int) -> None:
        """Removes the records before an offset."""
        self._server.truncate(place.topic, place.partition, offset)

    def make_anew(self, topic: str) -> None:
        """Deletes a topic and makes it again."""
        self._server.make_anew(topic)

    def add_partitions(self, topic: str, total: int) -> None:
        """Gives a topic more partitions."""
        self._server.add_partitions(topic, total)
