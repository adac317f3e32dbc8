"""Topics as they are in operation: written as the emitter writes them, and read up to where a group has committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from emitter.brokers.kafka_broker import producer_settings
from emitter.config.transport_config import KafkaConfig
from tests.support.brokers.kafka_server import KafkaBroker

Records = Iterable[tuple[bytes, bytes]]


class Topic:
    """A topic that a benchmark fills.

    Attributes:
        name: Its name.
        codec: How batches are compressed, such as `zstd`; `none` if they aren't.
        sent: How many records have been sent.
    """

    def __init__(self, broker: KafkaBroker, *, partitions: int = 1, compression: str = "auto", **configs: str) -> None:
        self.name = broker.create_topic(partitions=partitions, **configs)
        config = {"bootstrap_servers": broker.bootstrap, "topic": self.name, "compression": compression}
        # As the emitter does, but for its settings that keep a disturbed connection from holding dbt up.
        settings = producer_settings(KafkaConfig.from_dict(config)) | {"max_block_ms": 60_000}
        self.codec = str(settings["compression_type"] or "none")
        self.sent = 0
        self._producer = KafkaProducer(**settings)

    def send(self, records: Records, partition: int = 0) -> None:
        """Hands records to the producer, which sends several in a batch."""
        for key, value in records:
            self._producer.send(self.name, key=key, value=value, partition=partition)
            self.sent += 1

    def flush(self) -> None:
        """Waits until the broker has all."""
        self._producer.flush()

    def close(self) -> None:
        """Sends what waits and closes the producer."""
        self._producer.flush()
        self._producer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Committed:
    """Asks how far a group has come; is no member of it."""

    def __init__(self, broker: KafkaBroker, topic: str, group: str) -> None:
        self._consumer: Any = KafkaConsumer(
            bootstrap_servers=broker.bootstrap, group_id=group, enable_auto_commit=False, metrics_enabled=False
        )
        self._places = [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic)]

    def offsets(self) -> Mapping[int, int]:
        """By partition the offset at which the group goes on."""
        return {place.partition: self._consumer.committed(place) or 0 for place in self._places}

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()
