"""A second broker beside the first, so that partitions have two copies and leaders can change."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.support.brokers.kafka_server import KafkaBroker
from tests.support.processes.server_process import Server, free_port

NODE, FOLLOWER_NODE = 1, 2
PREFERRED = 0


class KafkaFollower(Server):
    """Node 2 of a broker's cluster; the broker is the only controller, and must outlive it.

    Args:
        broker: A broker of the test's own, which no group has used yet.
    """

    def __init__(self, broker: KafkaBroker) -> None:
        super().__init__("kafka-follower", "SIGNAL=KILL kafka/down.sh")
        self.port = free_port()
        self.log = self.state / "kafka" / "log"
        self._broker = broker
        self.start()
        # Else the broker makes it with one copy, somewhere. So each group's coordinator changes with the leaders.
        self.create_topic("__consumer_offsets", 4, cleanup_policy="compact")

    def start(self) -> None:
        """Starts it where it stopped. Returns once it answers."""
        self.call("kafka/follow.sh", self.port, self._broker.state)

    def crash(self) -> None:
        """Ends it by SIGKILL, and returns once it is gone."""
        self.call("kafka/down.sh", SIGNAL="KILL")

    def create_topic(self, name: str, partitions: int, **configs: str) -> str:
        """Makes a topic with two copies of each partition, led by this node where it can be."""
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        with KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            replicas = {number: [FOLLOWER_NODE, NODE] for number in range(partitions)}
            admin.create_topics({name: {"assignments": replicas, "configs": settings}}, wait_for_metadata=True)
        return name

    def leads(self, topic: str) -> bool:
        """Whether it is the leader of all partitions of a topic, and both copies are in step."""
        return self._is(topic, FOLLOWER_NODE, {NODE, FOLLOWER_NODE})

    def is_replaced(self, topic: str) -> bool:
        """Whether the other broker leads all partitions of a topic, alone."""
        return self._is(topic, NODE, {NODE})

    def elect(self, topic: str) -> None:
        """Asks for it to lead again, which it will if it is in step."""
        with suppress(KafkaError), KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            admin.elect_leaders(PREFERRED, [topic], raise_errors=False)

    def _is(self, topic: str, leader: int, in_step: set[int]) -> bool:
        partitions: list[dict[str, Any]] = []
        # A client asks any broker that it was told of, also the one that has just gone.
        with suppress(KafkaError), KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            partitions = admin.describe_topics([topic])[0]["partitions"]
        return bool(partitions) and all(
            found["leader_id"] == leader and set(found["isr_nodes"]) == in_step for found in partitions
        )
