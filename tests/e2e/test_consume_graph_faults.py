"""What Neptune can do to the service while it writes events; in the end the graph has the same bytes as without.

Neptune is the stand-in, with its request signing on. Each test asks it afterwards whether the fault has happened.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from consumer.config.settings import BatchSettings
from consumer.graph.gremlin.deadline import RetryPolicy
from consumer.graph.gremlin.gremlin_store import open_gremlin
from consumer.kafka.dead_letter_topic import TopicDeadLetters
from consumer.kafka.group_consumer import GroupConsumer
from consumer.kafka.producer import TopicProducer
from consumer.lineage.identity import IdentityRules
from consumer.processing.observer import NullObserver
from consumer.processing.processor import StreamProcessor
from consumer.projection.graph_sink import GraphSink
from schemas.decode import decode
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.brokers.consuming_processes import EVENTS, Field, undisturbed
from tests.support.events.small_events import records
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker, NeptuneProxy
from tests.support.waiting import PAUSE_S

pytestmark = pytest.mark.timeout(900)

PARTITIONS = 4
RATE = 0.2
LEAST = 10
"""Of some 180 requests, a fault at that rate hits about 36."""

EARLY = EVENTS * 4 // 5
SESSION_S = 6.0
"""Long enough for a member on a busy machine, and shorter than the outages here."""

POLL_S = 6.0
OUTAGE_S = 10.0
"""Ten minutes, a sixtieth of it, as are the patience with the graph and the longest wait between two tries; the limits
of the group lie within it as they lie within ten minutes."""

ALONE = {"one": set(range(PARTITIONS))}
"""How a group with one member shares the topic."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The export without any fault."""
    return undisturbed(tmp_path_factory)


def field_of(broker: KafkaBroker, neptune: NeptuneProxy, folder: Path) -> Field:
    """A group that writes to Neptune; what it wrote is read behind Neptune's back."""
    only_writing = {"GRAPH": neptune.url, "MAINTENANCE__RECONCILE_EVERY_S": "0"}
    return Field(broker, neptune.backend.url, folder, PARTITIONS, **only_writing)


@pytest.fixture
def field(kafka_broker: KafkaBroker, neptune: NeptuneProxy, tmp_path: Path) -> Field:
    """A group that has read nothing yet of all events."""
    made = field_of(kafka_broker, neptune, tmp_path)
    made.send(records(EVENTS))
    return made


def count(neptune: NeptuneProxy, kind: str, name: str) -> int:
    """How often something has happened at Neptune."""
    return int(neptune.stats()[kind].get(name, 0))


def answered(neptune: NeptuneProxy) -> int:
    """Returns the number of requests that Neptune has answered."""
    stats = neptune.stats()
    return int(stats["requests"]["total"]) - int(stats["concurrent"]["now"])


def until_counted(field: Field, neptune: NeptuneProxy, more: int, kind: str, name: str) -> None:
    """Waits until something has happened so many times more at Neptune, to a service that has work."""
    enough = count(neptune, kind, name) + more
    field.until(lambda: count(neptune, kind, name) >= enough, f"{more} more of {name}", under_load=True)


def reconcile(neptune: NeptuneProxy) -> None:
    """Compares what the graph shows with its facts, and mends it."""
    done = headwater("reconcile", "--graph", neptune.url)
    assert done.exit_code == 0, done.stderr


def check(field: Field, neptune: NeptuneProxy, undisturbed: bytes) -> None:
    """All is as without the fault, and Neptune was asked nothing that it would refuse or run slowly."""
    field.check(undisturbed)
    stats = neptune.stats()
    assert not stats["rejected"], f"Neptune would refuse requests: {stats['rejected']}"
    assert not stats["warnings"], f"Neptune would run requests slowly: {stats['warnings']}"


class TestErrors:
    """What Neptune answers instead of doing what it was asked."""

    @pytest.mark.parametrize(
        "code", ["ConcurrentModificationException", "ThrottlingException", "MemoryLimitExceededException"]
    )
    def test_answers_with_errors(self, field: Field, neptune: NeptuneProxy, expected: bytes, code: str) -> None:
        """Every fifth request fails with a code after which it may succeed."""
        neptune.faults(errors={code: RATE})
        with field.consuming() as service:
            field.until_lag(0)
            service.stop()
        assert count(neptune, "injected", code) > LEAST, f"{code} hardly happened"
        check(field, neptune, expected)

    def test_becomes_a_replica(self, field: Field, neptune: NeptuneProxy, expected: bytes) -> None:
        """Four times the instance takes no writes, until several were tried in vain on connections of their own."""
        with field.consuming() as service:
            for lag in (EVENTS, EARLY, EVENTS * 3 // 5, EVENTS * 2 // 5):
                field.until_lag(lag)
                neptune.faults(read_only=True)
                until_counted(field, neptune, 4, "engine", "ReadOnlyViolationException")
                neptune.heal()
            field.until_lag(0)
            service.stop()
        assert count(neptune, "connections", "opened") > 12, "another instance is only reached by a new connection"
        check(field, neptune, expected)

    def test_four_writers_collide(
        self, neptune: NeptuneProxy, kafka_broker: KafkaBroker, tmp_path: Path, expected: bytes
    ) -> None:
        """Four processes on four partitions write the same tables, most that meet are told to try again, and one dies.

        What one learns of a table's other name while another writes below the old one is mended by a reconcile, which
        is begun while they are at work, and ended afterwards.
        """
        neptune.faults(conflict=0.8)
        field, names = field_of(kafka_broker, neptune, tmp_path), ("one", "two", "three")
        with ExitStack() as stack:
            services = [stack.enter_context(field.consuming(name)) for name in names]
            with field.consuming("dies") as dies:
                field.until_shares(*names, "dies", under_load=False)
                field.send(records(EVENTS))
                field.until_lag(EARLY)
                dies.kill()
            field.until_lag(EVENTS // 4)
            reconcile(neptune)
            field.until_lag(0)
            for service in services:
                service.stop()
        assert count(neptune, "engine", "ConcurrentModificationException") > LEAST, "the writers hardly met"
        reconcile(neptune)
        check(field, neptune, expected)


class TestConnections:
    """Connections that break, age, idle, or are not to be had."""

    def test_drops_connections(self, field: Field, neptune: NeptuneProxy, expected: bytes) -> None:
        """Connections are cut before a request took effect, and after it did, with the answer lost."""
        neptune.faults(drop_before=RATE, drop_after=RATE)
        with field.consuming() as service:
            field.until_lag(0)
            service.stop()
        dropped = neptune.stats()["dropped"]
        assert min(dropped["before"], dropped["after"]) > LEAST, f"hardly any connection was cut: {dropped}"
        check(field, neptune, expected)

    def test_signature_ages(
        self, neptune: NeptuneProxy, kafka_broker: KafkaBroker, tmp_path: Path, expected: bytes
    ) -> None:
        """Connections are closed for their age, and an old signature opens no other: each has one of its own."""
        options = ("--max-connection-age", "1", "--signature-max-age", "4")
        with closing(NeptuneProxy(*options, backend=neptune.backend)) as strict, _credentials(strict):
            field = field_of(kafka_broker, strict, tmp_path)
            field.send(records(EVENTS))
            with field.consuming() as service:
                # The sixth one is opened when the signature of the first one is too old.
                until_counted(field, strict, 6, "connections", "closed by the server")
                field.until_lag(0)
                service.stop()
            check(field, strict, expected)

    def test_closes_idle_connections(
        self, neptune: NeptuneProxy, kafka_broker: KafkaBroker, tmp_path: Path, expected: bytes
    ) -> None:
        """After each pause in the stream the connection is gone, and what comes next is written through a new one."""
        stream, part = records(EVENTS), EVENTS // 2
        with closing(NeptuneProxy("--idle-timeout", "1", backend=neptune.backend)) as hasty, _credentials(hasty):
            field = field_of(kafka_broker, hasty, tmp_path)
            with field.consuming() as service:
                for start in range(0, EVENTS, part):
                    field.send(stream[start : start + part])
                    field.until_lag(0)
                    field.until(lambda: hasty.stats()["connections"]["now"] == 0, "the idle connection is closed")
                service.stop()
            assert count(hasty, "connections", "closed by the server") >= EVENTS // part
            check(field, hasty, expected)

    def test_answers_slowly(self, field: Field, neptune: NeptuneProxy, expected: bytes) -> None:
        """An answer that takes longer than the group's limits costs neither the member nor its share."""
        neptune.faults(delay_ms=[0, 10])
        limits = {"KAFKA__SESSION_TIMEOUT_S": str(SESSION_S), "KAFKA__MAX_POLL_INTERVAL_S": str(POLL_S)}
        with field.consuming(**limits) as service:
            field.until_lag(EARLY)
            neptune.faults(delay_ms=[(POLL_S + 1) * 1000] * 2)
            arrived, shares = count(neptune, "requests", "total"), []

            def is_answered() -> bool:
                # More answers than requests had arrived by then: one of them is to a request that came later.
                shares.append(field.broker.shares(field.group))
                return answered(neptune) > arrived

            field.until(is_answered, "the slow answer", under_load=True)
            neptune.faults(delay_ms=[0, 10])
            assert len(shares) > 1, "nobody looked while the answer was out"
            assert all(share == ALONE for share in shares), f"the member lost its share: {shares}"
            field.until_lag(0)
            service.stop()
        check(field, neptune, expected)


class Failures(NullObserver):
    """Counts the failed tries of each step."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()

    def failed(self, step: str, error: Exception) -> None:  # noqa: ARG002 -- the step says enough
        """Counts one."""
        self.of[step] += 1


@contextmanager
def serving(field: Field, neptune: NeptuneProxy, failures: Failures) -> Iterator[None]:
    """The service within this process, as how long it tries on one connection is no setting."""
    limits = {"session_timeout_s": SESSION_S, "heartbeat_interval_s": 1.0, "max_poll_interval_s": POLL_S}
    kafka = KafkaKit(field.broker).settings(topic=field.topic, group_id=field.group, client_id="one", **limits)
    batching = BatchSettings(max_records=200, retry_first_s=0.1, retry_max_s=OUTAGE_S / 20)
    store = open_gremlin(neptune.url, RetryPolicy(max_elapsed_s=OUTAGE_S / 20, max_backoff_s=OUTAGE_S / 120))
    stop, ends = threading.Event(), list[BaseException]()

    def serve() -> None:
        try:
            with (
                closing(GraphSink(store, IdentityRules.of([]))) as sink,
                closing(TopicDeadLetters(TopicProducer(kafka), field.dead)) as letters,
            ):
                source = GroupConsumer(kafka)
                StreamProcessor(source, decode, sink, letters, batching, time.monotonic, stop, observer=failures).run()
        except BaseException as error:
            ends.append(error)
            raise

    thread = threading.Thread(target=serve, name="service")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive(), "the service did not stop"
    assert not ends, f"the service ended with {ends}"


def sampled(seconds: float, look: Callable[[], object]) -> list[object]:
    """What is seen by looking again and again, for so long."""
    over, seen = threading.Event(), []
    timer = threading.Timer(seconds, over.set)
    timer.start()
    while not over.wait(PAUSE_S):
        seen.append(look())
    timer.join()
    return seen


def test_down_for_ten_minutes(field: Field, neptune: NeptuneProxy, expected: bytes) -> None:
    """While Neptune is away, no offset moves, the member polls on and keeps its share; afterwards it goes on."""
    broker, failures = field.broker, Failures()
    with serving(field, neptune, failures):
        field.until_lag(EARLY)
        neptune.faults(down=True)
        field.until(lambda: failures.of["writing"] > 0, "writing fails", under_load=True)
        committed = broker.committed(field.topic, field.group)
        seen = sampled(
            OUTAGE_S, lambda: (broker.committed(field.topic, field.group), broker.shares(field.group) == ALONE)
        )
        assert all(sample == (committed, True) for sample in seen), f"from {committed} to {seen}"
        assert failures.of["writing"] > 3, "it should have been tried again and again"
        neptune.heal()
        field.until_lag(0)
    check(field, neptune, expected)


@contextmanager
def _credentials(neptune: NeptuneProxy) -> Iterator[None]:
    """What is started within trusts this instance rather than the one before."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in neptune.environment_of_clients.items():
            monkeypatch.setenv(name, value)
        yield
