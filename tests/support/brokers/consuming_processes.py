"""`headwater consume` as processes, on a topic of small events, with what a test does to them and sees of them."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer

from tests.support.events.small_events import TABLES, records
from tests.support.processes.command_line import headwater
from tests.support.processes.server_process import tail
from tests.support.processes.servers import KafkaBroker
from tests.support.waiting import wait_until

HEADWATER = Path(sys.executable).parent / "headwater"
EVENTS = int(os.environ.get("EVENTS", "2000"))
"""Length of the stream: enough for each fault to meet a service at work; `.ci/slow` takes a longer one."""

PATIENCE_S = 240
"""Enough for all events on a machine that is ten times busier than the one on which this was written."""

LOW = EVENTS // 10
"""Records that wait for the group at least, while something is to happen under load."""

KeyValue = tuple[bytes, bytes]

_LISTS = frozenset(name.encode() for name in TABLES)


class Service:
    """One `headwater consume` process.

    Attributes:
        name: Its client id, by which the group knows it.
        process: The process.
    """

    def __init__(self, name: str, environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._log = log
        self._begin = log.stat().st_size if log.exists() else 0
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HEADWATER_")}
        with log.open("ab") as said:
            self.process = subprocess.Popen([HEADWATER, "consume"], env=kept | environment, stdout=said, stderr=said)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, also to one that is stopped; returns once it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, once it is there to be handled, and a good end."""
        wait_until(self._has_begun, f"{self.name} begins", patience_s=PATIENCE_S, check=self.check, context=self.said)
        self.send(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, f"{self.name} did not end well after SIGTERM:\n{self.said()}"

    def check(self) -> None:
        """It must be running."""
        status = self.process.poll()
        assert status is None, f"{self.name} ended with {status}:\n{self.said()}"

    def _has_begun(self) -> bool:
        # Until then a signal ends it as it ends any other program.
        return b'"consuming"' in self._log.read_bytes()[self._begin :]

    def said(self) -> str:
        """The end of its log."""
        return tail(self._log)

    def told(self, text: str) -> list[dict[str, Any]]:
        """Returns the entries of its log whose event, step or reason contains a text."""
        lines = self._log.read_bytes().splitlines() if self._log.exists() else []
        entries = [orjson.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        fields = ("event", "step", "reason")
        return [entry for entry in entries if any(text in str(entry.get(field, "")) for field in fields)]


class Field:
    """A topic, a group that reads it into a graph, and the processes that are its members.

    Args:
        broker: Where the topic is made.
        graph: URL of the graph.
        folder: For logs.
        partitions: Of the topic.
        topic: A topic that is there already.
        settings: Environment of the processes, without prefix; `BATCH__MAX_RECORDS="50"`.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        graph: str,
        folder: Path,
        partitions: int,
        *,
        topic: str | None = None,
        **settings: str,
    ) -> None:
        self.broker = broker
        self.graph = graph
        self.topic = topic or broker.create_topic(partitions=partitions)
        self.dead = broker.create_topic()
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        self._folder = folder
        self._settings = settings
        self._running: list[Service] = []
        self._places: dict[bytes, int] = {}
        self._partitions = partitions
        self._filler: list[KeyValue] = []

    @contextmanager
    def consuming(self, name: str = "one", **settings: str) -> Iterator[Service]:
        """A member; killed at the end, if it is still there."""
        values = {
            "GRAPH": self.graph,
            "KAFKA__BOOTSTRAP_SERVERS": self.broker.bootstrap,
            "KAFKA__TOPIC": self.topic,
            "KAFKA__DEAD_LETTER_TOPIC": self.dead,
            "KAFKA__GROUP_ID": self.group,
            "KAFKA__CLIENT_ID": name,
            # A killed member is missed only when its session ends.
            "KAFKA__SESSION_TIMEOUT_S": "3",
            "KAFKA__HEARTBEAT_INTERVAL_S": "0.5",
            "KAFKA__METADATA_MAX_AGE_S": "1",
            "BATCH__MAX_RECORDS": "200",
            "BATCH__RETRY_MAX_S": "2",
            **self._settings,
            **settings,
        }
        environment = {f"HEADWATER_{key}": value for key, value in values.items()}
        service = Service(name, environment, self._folder / f"{name}.log")
        self._running.append(service)
        try:
            yield service
        finally:
            self._running.remove(service)
            service.kill()

    def send(self, some: Sequence[KeyValue], partitions: int | None = None) -> None:
        """Writes records; keys go to the partitions by turns, and each key stays where it is."""
        count = partitions or self._partitions
        producer = KafkaProducer(bootstrap_servers=self.broker.bootstrap, linger_ms=20)
        for key, value in some:
            place = self._places.setdefault(key, len(self._places)) % count
            # A source column that nobody has listed goes with the last one to read it, and a transaction of TinkerGraph
            # can't make again what it has dropped. So each partition begins with the lists of all columns.
            for partition in range(count) if key in _LISTS else (place,):
                producer.send(self.topic, key=key, value=value, partition=partition)
        producer.flush()
        producer.close()
        self._filler += some

    def lag(self) -> int:
        """Records that the group has not committed."""
        return self.broker.lag(self.topic, self.group)

    def until(self, condition: Callable[[], bool], what: str, *, under_load: bool = False) -> None:
        """Waits, while all members must be running.

        Args:
            condition: Asked again and again.
            what: Is waited for, in words.
            under_load: Lets records come all the time: what was sent comes again when little is left, which by the
                first law changes nothing.
        """

        def holds() -> bool:
            if condition():
                return True
            if under_load and self.lag() < LOW:
                again = self._filler[-LOW:]
                self.send(again)
                del self._filler[-len(again) :]
            return False

        def check() -> None:
            for service in self._running:
                service.check()

        def context() -> str:
            logs = "".join(f"\n--- {service.name}\n{service.said()}" for service in self._running)
            return f"{self.lag()} records wait{logs}"

        wait_until(holds, what, patience_s=PATIENCE_S, check=check, context=context)

    def until_lag(self, most: int) -> None:
        """Waits until at most so many records are uncommitted."""
        self.until(lambda: self.lag() <= most, f"all but {most} records are committed")

    def until_shares(self, *names: str, under_load: bool = True) -> None:
        """Waits until exactly these are members, and each has a part of the topic."""

        def shared() -> bool:
            shares = self.broker.shares(self.group)
            return shares.keys() == set(names) and all(shares.values())

        self.until(shared, f"{', '.join(names)} share the topic", under_load=under_load)

    def check(self, undisturbed: bytes, *, reconciled: bool = False) -> None:
        """All is committed, nothing was rejected, and the graph is the one without the fault.

        Args:
            undisturbed: The export without it.
            reconciled: Reconciles first: a name that one writer learns to be another table's while another one writes
                below it may leave edges, until the service does so in its own time.
        """
        assert self.lag() == 0, "records are uncommitted"
        assert not self.broker.records(self.dead), "records were rejected"
        if reconciled:
            result = headwater("reconcile", "--graph", self.graph)
            assert result.exit_code == 0, result.stderr
        found = exported(self.graph)
        assert found == undisturbed, f"the fault left another graph: {_difference(found, undisturbed)}"


def consume_all(
    broker: KafkaBroker,
    topic: str,
    group: str,
    environment: dict[str, str],
    log: Path,
    *options: str,
    patience_s: float,
    end_s: float,
) -> None:
    """Runs `headwater consume` until its group has committed all of a topic, and ends it as an orchestrator would.

    Args:
        broker: Where the topic is.
        topic: What is read.
        group: Who reads.
        environment: All variables of the process.
        log: Where its log goes.
        options: More words on the command line.
        patience_s: Seconds that it may take.
        end_s: Seconds that its end may take.
    """

    def check() -> None:
        assert service.poll() is None, f"consume ended with {service.returncode}\n{log.read_text()}"

    with log.open("wb") as said:
        service = subprocess.Popen([HEADWATER, "consume", *options], env=environment, stdout=said, stderr=said)
    try:
        wait_until(
            lambda: broker.lag(topic, group) == 0,
            "all is committed",
            patience_s=patience_s,
            pause_s=0.2,
            check=check,
            context=log.read_text,
        )
        service.send_signal(signal.SIGTERM)
        assert service.wait(end_s) == 0, f"SIGTERM is an orderly end\n{log.read_text()}"
    finally:
        service.kill()
        service.wait()


def moments(count: int, seed: int) -> list[int]:
    """Lags at which something happens: spread by chance over the stream, falling."""
    chance = random.Random(seed)
    return sorted((chance.randrange(EVENTS // 10, EVENTS * 19 // 20) for _ in range(count)), reverse=True)


def undisturbed(factory: pytest.TempPathFactory) -> bytes:
    """The export of all events, from files into a file; made once, for all workers of a test run."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    root = factory.getbasetemp().parent if worker else factory.getbasetemp()
    kept = root / f"undisturbed-{EVENTS}.json"
    with (root / "undisturbed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            found = export_of([value for _, value in records(EVENTS)], factory.mktemp("undisturbed"))
            kept.write_bytes(found)
    return kept.read_bytes()


def export_of(events: Sequence[bytes], folder: Path) -> bytes:
    """The export of events that nothing disturbs."""
    file, graph = folder / "events.jsonl", f"sqlite:///{folder / 'undisturbed.db'}"
    file.write_bytes(b"\n".join(events))
    ingested = headwater("ingest", file, "--graph", graph)
    assert ingested.exit_code == 0, ingested.stderr
    return exported(graph)


def exported(graph: str) -> bytes:
    """What `headwater export` prints of a graph."""
    result = headwater("export", "--graph", graph, "--format", "json")
    assert result.exit_code == 0, result.stderr
    return result.stdout_bytes


def _difference(found: bytes, expected: bytes) -> str:
    """How many entries of each kind are only in one of two exports, and the first of them."""
    ours, theirs = orjson.loads(found), orjson.loads(expected)
    told = []
    for kind in theirs:
        has, wants = ({orjson.dumps(entry) for entry in document[kind]} for document in (ours, theirs))
        if has != wants:
            first = min(has ^ wants).decode()
            told.append(f"{kind}: {len(has - wants)} that should not be, {len(wants - has)} missing, such as {first}")
    return "; ".join(told) or "the order of entries"
