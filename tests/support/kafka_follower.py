"""A second broker beside the first, so that partitions have two copies and leaders can change."""

from __future__ import annotations

from kafka import KafkaAdminClient

from tests.support.kafka_broker import KafkaBroker
from tests.support.process import Server, free_port

NODE, FOLLOWER_NODE = 1, 2
PREFERRED = 0


class KafkaFollower(Server):
    """Node 2 of a broker's cluster; the broker is the only controller, and must outlive it."""

    def __init__(self, broker: KafkaBroker) -> None:
        super().__init__("kafka-follower", "SIGNAL=KILL kafka/down.sh")
        self.port = free_port()
        self.log = self.state / "kafka" / "log"
        self._broker = broker
        self.start()

    def start(self) -> None:
        """Starts it where it stopped. Returns once it answers."""
        self.call("kafka/follow.sh", self.port, self._broker.state)

    def crash(self) -> None:
        """Ends it by SIGKILL, and returns once it is gone."""
        self.call("kafka/down.sh", SIGNAL="KILL")

    def create_topic(self, name: str, partitions: int) -> str:
        """Makes a topic with two copies of each partition, led by this node where it can be."""
        with KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            replicas = {number: [FOLLOWER_NODE, NODE] for number in range(partitions)}
            admin.create_topics({name: {"assignments": replicas}}, wait_for_metadata=True)
        return name

    def leads(self, topic: str) -> bool:
        """Whether it is the leader of all partitions of a topic, and both copies are in step."""
        return self._is(topic, FOLLOWER_NODE, {NODE, FOLLOWER_NODE})

    def is_replaced(self, topic: str) -> bool:
        """Whether the other broker leads all partitions of a topic, alone."""
        return self._is(topic, NODE, {NODE})

    def elect(self, topic: str) -> None:
        """Makes it the leader again, if it is in step."""
        with KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            admin.elect_leaders(PREFERRED, [topic], raise_errors=False)

    def _is(self, topic: str, leader: int, in_step: set[int]) -> bool:
        with KafkaAdminClient(bootstrap_servers=self._broker.bootstrap) as admin:
            partitions = admin.describe_topics([topic])[0]["partitions"]
        return all(found["leader_id"] == leader and set(found["isr_nodes"]) == in_step for found in partitions)
