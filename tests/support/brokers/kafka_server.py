"""A real Kafka broker that tests may stop, start and pause."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaError,
    NotCoordinatorError,
    TopicAlreadyExistsError,
)
from kafka.structs import OffsetAndMetadata
from tenacity import Retrying, retry_if_exception, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.support.processes.server_process import Server, free_port, pause, require

AnswerT = TypeVar("AnswerT")

UNCOORDINATED = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)


class Record(NamedTuple):
    """What a topic holds: key and value as bytes, headers in their order."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class KafkaBroker(Server):
    """One broker: plaintext, and SASL_SSL with SCRAM-SHA-512. Topics are only made by `create_topic`, as on MSK.

    Args:
        major: The major version of Kafka; `tests/stand_ins/kafka/fetch.sh` has the whole one.
    """

    username = "headwater"
    password = "secret"

    def __init__(self, major: Literal[3, 4] = 3) -> None:
        require("java", "install a JDK 17, such as Debian's openjdk-17-jdk-headless")
        self.major = major
        super().__init__("kafka", "SIGNAL=KILL kafka/down.sh", {"KAFKA_MAJOR": str(major)})
        self.port = free_port(3)
        self.log = self.state / "kafka" / "log"
        self.paused = False
        self._kept_admin: KafkaAdminClient | None = None
        self.start()

    @property
    def bootstrap(self) -> str:
        """The plaintext listener."""
        return f"127.0.0.1:{self.port}"

    @property
    def ssl_bootstrap(self) -> str:
        """The SASL_SSL listener; its certificate is for `localhost` and 127.0.0.1."""
        return f"localhost:{self.port + 2}"

    @property
    def ca_file(self) -> Path:
        """The certificate that its clients must trust."""
        return self.state / "kafka" / "ca.pem"

    @property
    def pid(self) -> int | None:
        """The broker's process, None while it is stopped."""
        file = self.state / "kafka" / "pid"
        return int(file.read_text()) if file.exists() else None

    def start(self) -> None:
        """Starts it where it stopped: same data, same ports. Returns once it answers."""
        self.call("kafka/up.sh", self.port)

    def stop(self, *, crash: bool = False) -> None:
        """Stops it, orderly or by SIGKILL, and returns once it is gone."""
        self._forget_admin()
        self.call("kafka/down.sh", SIGNAL="KILL" if crash else "TERM")
        self.paused = False

    def pause(self) -> None:
        """Lets it hang: connections stay open and nothing answers."""
        self.paused = True
        pause(self._running_pid())

    def resume(self) -> None:
        """Ends a pause."""
        os.kill(self._running_pid(), signal.SIGCONT)
        self.paused = False

    def _running_pid(self) -> int:
        if self.pid is None:
            raise RuntimeError("kafka is stopped; start() it first")
        return self.pid

    def heal(self) -> None:
        """Resumes and starts it, if a test left it otherwise."""
        if self.paused:
            self.resume()
        if self.pid is None:
            self.start()

    def close(self) -> None:
        """Stops it and removes its folder."""
        self._forget_admin()
        super().close()

    def _ask(self, question: Callable[[KafkaAdminClient], AnswerT]) -> AnswerT:
        # The client is kept, as tests that wait for a group ask often, and most of what an answer costs is to connect.
        # A client asks any broker that it knows, also the one that has just gone.
        for attempt in Retrying(
            wait=wait_fixed(0.1),
            stop=stop_after_delay(30),
            retry=retry_if_exception(
                lambda error: isinstance(error, KafkaError) and not isinstance(error, UNCOORDINATED)
            ),
            before_sleep=lambda _: self._forget_admin(),
            reraise=True,
        ):
            with attempt:
                if self._kept_admin is None:
                    self._kept_admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
                return question(self._kept_admin)
        raise AssertionError("a retry ends with an answer or an error")

    def _forget_admin(self) -> None:
        if self._kept_admin is not None:
            self._kept_admin.close()
            self._kept_admin = None

    @contextmanager
    def _once_coordinated(self) -> Iterator[None]:
        # Until the first member of the first group has joined, and for a moment afterwards, no broker knows of groups.
        try:
            yield
        except UNCOORDINATED:
            self._forget_admin()

    def create_topic(self, name: str | None = None, partitions: int = 1, **configs: str) -> str:
        """Makes a topic (of a new name if none is given) with settings such as `max_message_bytes="1000"`."""
        name = name or f"events-{uuid.uuid4().hex[:12]}"
        settings = {key.replace("_", "."): value for key, value in configs.items()}
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            topic = {"num_partitions": partitions, "replication_factor": 1, "configs": settings}
            admin.create_topics({name: topic}, wait_for_metadata=True)
        return name

    def add_partitions(self, topic: str, total: int) -> None:
        """Gives a topic more partitions, so that it has so many."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            admin.create_partitions({topic: total})

    def truncate(self, topic: str, partition: int, offset: int) -> None:
        """Removes the records of a partition before an offset, as retention does."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            admin.delete_records({TopicPartition(topic, partition): offset})

    def damage(self, topic: str, text: bytes) -> None:
        """Changes a bit of a text on the disk, under a broker that runs; the topic's records must not be compressed."""
        for segment in (self.state / "kafka" / "data").glob(f"{topic}-*/*.log"):
            with segment.open("r+b") as file:
                if (at := file.read().find(text)) >= 0:
                    file.seek(at)
                    file.write(bytes([text[0] ^ 1]))
                    return
        raise AssertionError(f"{text!r} is not on the disk")

    def make_anew(self, topic: str) -> None:
        """Deletes a topic and makes an empty one of its name, with as many partitions."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            partitions = len(admin.describe_topics([topic])[0]["partitions"])
            admin.delete_topics([topic])
            # The controller forgets it at once, but the broker is told a moment later.
            for attempt in Retrying(
                wait=wait_fixed(0.05),
                stop=stop_after_delay(30),
                retry=retry_if_exception_type(TopicAlreadyExistsError),
                reraise=True,
            ):
                with attempt:
                    admin.create_topics(
                        {topic: {"num_partitions": partitions, "replication_factor": 1}}, wait_for_metadata=True
                    )

    def commit(self, topic: str, group: str, offsets: Mapping[int, int]) -> None:
        """Moves a group, of which no member may be there, to an offset in each partition."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            places = {TopicPartition(topic, number): OffsetAndMetadata(at, "", -1) for number, at in offsets.items()}
            admin.alter_group_offsets(group, places)

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """What a group has committed of a topic, by partition."""
        found: dict[TopicPartition, OffsetAndMetadata] = {}
        with self._once_coordinated():
            found = self._ask(lambda admin: admin.list_group_offsets({group: None}))[group]
        return {place.partition: kept.offset for place, kept in found.items() if place.topic == topic}

    def shares(self, group: str) -> dict[str, set[int]]:
        """The partitions of each member of a group, by client id; none while the group rebalances."""
        found: dict[str, Any] = {"group_state": "Unknown"}
        with self._once_coordinated():
            found = self._ask(lambda admin: admin.describe_groups([group]))[group]
        if found["group_state"] != "Stable":
            return {}
        return {
            member["client_id"]: {
                number for topic in member["member_assignment"]["assigned_partitions"] for number in topic["partitions"]
            }
            for member in found["members"]
        }

    def records(self, topic: str) -> list[Record]:
        """All that a topic holds now, by partition and offset."""
        with KafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            ends = self._ends(consumer, topic)
            consumer.assign(list(ends))
            consumer.seek_to_beginning()
            found = []
            while any(consumer.position(partition) < end for partition, end in ends.items()):
                found += [record for batch in consumer.poll(timeout_ms=500).values() for record in batch]
        records = [Record(r.partition, r.offset, r.key, r.value, list(r.headers or ())) for r in found]
        return sorted(records, key=lambda record: (record.partition, record.offset))

    def lag(self, topic: str, group: str) -> int:
        """How many of a topic's records a consumer group has not yet committed."""
        (described,) = self._ask(lambda admin: admin.describe_topics([topic]))
        partitions = [TopicPartition(topic, each["partition_index"]) for each in described["partitions"]]
        latest = dict.fromkeys(partitions, OffsetSpec.LATEST)
        ends = self._ask(lambda admin: admin.list_partition_offsets(latest))
        committed = self.committed(topic, group)
        return sum(end.offset - committed.get(partition.partition, 0) for partition, end in ends.items())

    @staticmethod
    def _ends(consumer: KafkaConsumer, topic: str) -> dict[TopicPartition, int]:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return dict(consumer.end_offsets(partitions))


def scram(broker: KafkaBroker, **settings: Any) -> dict[str, Any]:
    """The emitter's settings for the broker's SASL_SSL listener."""
    return {
        "bootstrap_servers": broker.ssl_bootstrap,
        "auth": "scram",
        "username": broker.username,
        "password": broker.password,
        "ca_file": str(broker.ca_file),
        **settings,
    }
