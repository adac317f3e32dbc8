"""What can happen to a group, a broker and a topic while `headwater consume` processes are at work.

In the end the graph has the same bytes as without it, or, where retention has taken records, as without those records.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from kafka import KafkaProducer

from tests.support.brokers.consuming_processes import EVENTS, PATIENCE_S, Field, export_of, undisturbed
from tests.support.brokers.kafka_follower import KafkaFollower
from tests.support.events.small_events import records
from tests.support.processes.server_process import pause
from tests.support.processes.servers import GremlinServer, KafkaBroker

pytestmark = pytest.mark.timeout(900)

EARLY, LATE = EVENTS * 4 // 5, EVENTS // 4


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The export without any fault."""
    return undisturbed(tmp_path_factory)


@pytest.fixture
def graph(gremlin_server: GremlinServer) -> str:
    """A graph with transactions, for several writers."""
    gremlin_server.clear()
    return gremlin_server.url


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A graph in a file, for one writer."""
    return f"sqlite:///{tmp_path / 'graph.db'}"


@pytest.fixture
def lone_broker() -> Iterator[KafkaBroker]:
    """A broker of the test's own, to be joined by a second one."""
    with closing(KafkaBroker()) as broker:
        yield broker


def replicate(broker: KafkaBroker, source: str, target: str, since: int = 0) -> None:
    """Copies a topic from an offset of each partition on, as MSK Replicator does: same partitions, its own header."""
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=20)) as producer:
        for record in broker.records(source):
            if record.offset >= since:
                headers = [*record.headers, ("__mskmr", b"")]
                producer.send(target, record.value, record.key, headers=headers, partition=record.partition)


class TestGroup:
    """Members that come, go, hang and come back."""

    def test_hangs_and_comes_back(self, kafka_broker: KafkaBroker, graph: str, tmp_path: Path, expected: bytes) -> None:
        """A member that hangs past its session writes what it had in hand once more, and commits nothing of it."""
        field = Field(kafka_broker, graph, tmp_path, partitions=2)
        stream = records(EVENTS)
        field.send(stream[:EARLY])
        with field.consuming("hangs") as hangs:
            field.until_lag(EARLY * 3 // 4)
            pause(hangs.process.pid)
            with field.consuming("heir") as heir:
                field.until_lag(0)
                assert field.broker.shares(field.group).keys() == {"heir"}, "the session should have ended"
                hangs.send(signal.SIGCONT)
                went_back = []

                def is_back() -> bool:
                    went_back.append(field.lag())
                    return field.broker.shares(field.group).keys() == {"hangs", "heir"}

                field.until(is_back, "the member that hung is a member again")
                assert not any(went_back), f"it committed old offsets: then {max(went_back)} records were uncommitted"
                field.send(stream[EARLY:])
                field.until_lag(0)
                heir.stop()
            hangs.stop()
        field.check(expected, reconciled=True)

    def test_rebalances_in_mid_batch(
        self, kafka_broker: KafkaBroker, graph: str, tmp_path: Path, expected: bytes
    ) -> None:
        """One member, then three, then two, with records in hand at each change."""
        field = Field(kafka_broker, graph, tmp_path, partitions=4)
        field.send(records(EVENTS))
        with field.consuming("one") as one:
            field.until_lag(EARLY)
            with field.consuming("two") as two:
                with field.consuming("three") as three:
                    field.until_shares("one", "two", "three")
                    three.stop()
                field.until_shares("one", "two")
                field.until_lag(0)
                two.stop()
            one.stop()
        field.check(expected, reconciled=True)

    def test_four_writers(self, kafka_broker: KafkaBroker, graph: str, tmp_path: Path, expected: bytes) -> None:
        """Four processes on four partitions, one of which is killed and replaced."""
        field = Field(kafka_broker, graph, tmp_path, partitions=4)
        field.send(records(EVENTS))
        with ExitStack() as stack:
            services = [stack.enter_context(field.consuming(name)) for name in ("one", "two", "three")]
            with field.consuming("dies") as dies:
                field.until_shares("one", "two", "three", "dies")
                dies.kill()
            services.append(stack.enter_context(field.consuming("four")))
            field.until_shares("one", "two", "three", "four")
            field.until_lag(0)
            for service in services:
                service.stop()
        field.check(expected, reconciled=True)


class TestBroker:
    """Brokers that go and come back."""

    def test_broker_restarts(self, kafka_broker: KafkaBroker, file: str, tmp_path: Path, expected: bytes) -> None:
        """An orderly restart and a crash, each with records in hand."""
        field = Field(kafka_broker, file, tmp_path, partitions=2)
        field.send(records(EVENTS))
        with field.consuming() as service:
            for lag, crash in ((EARLY, False), (LATE, True)):
                field.until_lag(lag)
                kafka_broker.stop(crash=crash)
                service.check()
                kafka_broker.start()
            field.until_lag(0)
            service.stop()
        field.check(expected)

    def test_leader_changes(self, lone_broker: KafkaBroker, file: str, tmp_path: Path, expected: bytes) -> None:
        """The leader of all partitions crashes, another one takes over; the first comes back and leads again."""
        with closing(KafkaFollower(lone_broker)) as follower:
            topic = follower.create_topic("led", partitions=2)
            field = Field(lone_broker, file, tmp_path, partitions=2, topic=topic)
            field.until(lambda: follower.leads(topic), "the second broker leads")
            field.send(records(EVENTS))
            with field.consuming() as service:
                field.until_lag(EARLY)
                follower.crash()
                field.until(lambda: follower.is_replaced(topic), "the first broker takes over")
                field.until_lag(LATE)
                follower.start()

                def leads_again() -> bool:
                    follower.elect(topic)
                    return follower.leads(topic)

                field.until(leads_again, "the second broker leads again", under_load=True)
                field.until_lag(0)
                service.stop()
            field.check(expected)


class TestTopic:
    """Topics that grow, shrink, and are not what the group remembers."""

    def test_partitions_are_added(self, kafka_broker: KafkaBroker, file: str, tmp_path: Path, expected: bytes) -> None:
        """What comes to new partitions is read from its first record on, also by a group that began at `latest`."""
        field = Field(kafka_broker, file, tmp_path, partitions=1, KAFKA__AUTO_OFFSET_RESET="latest")
        stream = records(EVENTS)
        with field.consuming() as service:
            field.until_shares("one", under_load=False)
            field.until(lambda: field.broker.committed(field.topic, field.group) == {0: 0}, "the beginning is kept")
            field.send(stream[:LATE])
            kafka_broker.add_partitions(field.topic, 3)
            field.send(stream[LATE:], partitions=3)
            field.until_lag(0)
            service.stop()
        field.check(expected)

    def test_offsets_out_of_range(self, kafka_broker: KafkaBroker, file: str, tmp_path: Path, expected: bytes) -> None:
        """A group beyond the end is told of with both offsets; it stops or reads what is there, as the setting says."""
        field = Field(kafka_broker, file, tmp_path, partitions=1)
        field.send(records(EVENTS))
        with field.consuming() as service:
            field.until_lag(EARLY)
            service.stop()
        kafka_broker.commit(field.topic, field.group, {0: 2 * EVENTS})
        with field.consuming("careful", KAFKA__ON_LOST_OFFSETS="stop") as careful:
            assert careful.process.wait(PATIENCE_S) == 2, f"it should have stopped:\n{careful.said()}"
            for part in (str(2 * EVENTS), str(EVENTS), "kafka.on_lost_offsets"):
                assert part in careful.said(), f"{part} is not told of:\n{careful.said()}"
        with field.consuming("bold") as bold:
            field.until(lambda: bool(bold.told("its log was truncated")), "the offset out of range is told of")
            field.until_lag(0)
            bold.stop()
        field.check(expected)

    def test_retention_overtakes(self, kafka_broker: KafkaBroker, file: str, tmp_path: Path) -> None:
        """What retention takes from a slow reader, and from one that is away, is told of exactly; all else is kept."""
        field = Field(kafka_broker, file, tmp_path, partitions=1)
        stream = records(EVENTS)
        field.send(stream[:LATE])
        # It stays a member for as long as it is stopped, as one that is only slow does.
        with field.consuming("slow", KAFKA__SESSION_TIMEOUT_S="240") as slow:
            field.until_lag(0)
            pause(slow.process.pid)
            # More than a fetch that is under way can bring.
            field.send(stream[LATE:])
            kafka_broker.truncate(field.topic, 0, EVENTS - 500)
            slow.send(signal.SIGCONT)
            field.until_lag(0)
            slow.stop()
        again = records(EVENTS + 1_000)[EVENTS:]
        field.send(again)
        kafka_broker.truncate(field.topic, 0, EVENTS + 300)
        with field.consuming("away") as away:
            field.until_lag(0)
            away.stop()
        (first,), (second,) = slow.told("retention removed"), away.told("retention removed")
        assert (second["resuming_at"], second["lost"]) == (EVENTS + 300, 300)
        assert first["resuming_at"] == EVENTS - 500
        assert first["lost"] > 0
        kept = [*stream[: EVENTS - 500 - first["lost"]], *stream[EVENTS - 500 :], *again[300:]]
        field.check(export_of([value for _, value in kept], tmp_path))

    def test_copied_topic(self, kafka_broker: KafkaBroker, file: str, tmp_path: Path, expected: bytes) -> None:
        """A replicator's copy, which repeats records when it starts again, and events that come straight as well."""
        source = Field(kafka_broker, file, tmp_path, partitions=2)
        copy = Field(kafka_broker, file, tmp_path, partitions=2)
        stream = records(EVENTS)
        source.send(stream[:EARLY])
        with copy.consuming() as service:
            replicate(kafka_broker, source.topic, copy.topic)
            copy.until_lag(LATE)
            source.send(stream[EARLY:])
            copy.send(stream[EARLY - 1_000 : EARLY + 1_000])
            replicate(kafka_broker, source.topic, copy.topic, since=EARLY // 4)
            copy.until_lag(0)
            service.stop()
        copy.check(expected)
