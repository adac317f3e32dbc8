"""The fault table: whatever breaks, the host doesn't notice, and every event is in the topic in the end.

The host's exit code and stdout are its own, its end comes in time, and events arrive byte for byte, each key in order.
"""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from consumer.kafka.topic_reader import browse
from emitter.spool.spool_status import status
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.brokers.kafka_server import scram
from tests.support.dbt.emitting_process import EXIT_CODE, Guest, Outcome, by_key, expected, spool
from tests.support.processes.servers import KafkaBroker, free_port
from tests.support.waiting import wait_until

Settings = dict[str, Any]

SECRET = "planted-s3cret"
CLOSE_TIMEOUT = 2
NO_TIME = -1


class Port:
    """A port of our own that is closed, silent, or a way to one of the broker's."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.host = host
        self.number = free_port()
        self._target = target
        self._held = ExitStack()

    @property
    def transport(self) -> dict[str, Any]:
        """Settings that lead here."""
        return {"bootstrap_servers": f"{self.host}:{self.number}"}

    def silent(self) -> None:
        """Accepts from now on and never answers."""
        self._held.enter_context(socket.create_server((self.host, self.number)))

    def open(self) -> None:
        """Leads to the broker from now on."""
        self._held.close()
        server = self._held.enter_context(socket.create_server((self.host, self.number)))
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def close(self) -> None:
        """Stops listening."""
        self._held.close()

    def _serve(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            broker = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((client, broker), (broker, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def port(kafka_broker: KafkaBroker) -> Iterator[Port]:
    """A port that is closed at first."""
    made = Port(kafka_broker.port)
    yield made
    made.close()


def unharmed(ended: Outcome, count: int = 10) -> None:
    """Checks what the host notices: nothing.

    No times are compared. That `emit` does not wait is seen where all events are emitted while the broker hangs. That
    the end comes in time is seen where the broker never answers: `Guest.end` would give up.
    """
    assert ended.code == EXIT_CODE, ended.stderr
    assert ended.stdout == "".join(f"{number}\n" for number in range(count)) + "done\n", "stdout was touched"
    assert "Traceback" not in ended.stderr, ended.stderr
    assert SECRET not in ended.stderr, "a secret was told"


def delivered(broker: KafkaBroker, topic: str, values: list[bytes]) -> None:
    """Checks that the topic has all events, exactly, each key in order, and no others."""
    found = by_key([record.value or b"" for record in broker.records(topic)])
    wanted = by_key(values)
    assert {key: len(of_key) for key, of_key in found.items()} == {key: len(of_key) for key, of_key in wanted.items()}
    assert found == wanted, "order or bytes differ"


def flushed(transport: dict[str, Any], folder: Path, sent: int, *arguments: str) -> None:
    """Flushes the spool and checks what it says of it."""
    done = spool(transport, folder, "flush", "--json", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["sent"] == sent, done.stdout
    left = status(folder)
    assert [queue["waiting"] for queue in left["queues"]] == [0] * len(left["queues"]), left


def ended_after_failing(transport: Settings, folder: Path, reason: str) -> Outcome:
    """Runs a guest that ends once an attempt to send has failed for a reason, however long that takes."""
    guest = Guest(transport, folder, hold=True)
    guest.await_event(9)
    wait_until(lambda: reason in _last_error(folder), f"an attempt fails with {reason}")
    guest.release()
    return guest.end()


def _last_error(folder: Path) -> str:
    """Returns why the only queue's events wait; "" if no attempt was made yet."""
    return "".join(str(queue["last_error"] or "") for queue in status(folder)["queues"])


def test_down_all_the_time(kafka_broker: KafkaBroker, port: Port, tmp_path: Path) -> None:
    """Nothing listens: the events wait on disk, `status` says why, and `flush` sends them."""
    transport = {**port.transport, "topic": kafka_broker.create_topic(partitions=3)}
    ended = ended_after_failing(transport, tmp_path, "ECONNREFUSED")
    unharmed(ended)
    assert (ended.sent, ended.waiting, ended.quarantined, ended.lost) == (0, 10, 0, 0), ended.stderr
    assert "ECONNREFUSED" in ended.reasons
    [queue] = json.loads(spool(transport, tmp_path, "status", "--json").stdout)["queues"]
    assert queue["waiting"] == 10
    assert "ECONNREFUSED" in queue["last_error"]
    assert spool(transport, tmp_path, "flush", "--timeout", "1").returncode == 1, "what waits is no success"
    port.open()
    flushed(transport, tmp_path, 10)
    delivered(kafka_broker, transport["topic"], expected(10, "a"))


def test_down_at_start_then_up(kafka_broker: KafkaBroker, port: Port, tmp_path: Path) -> None:
    """The same run still sends them."""
    transport = {**port.transport, "topic": kafka_broker.create_topic(partitions=3), "close_timeout": 60}
    guest = Guest(transport, tmp_path, hold=True)
    guest.await_event(9)
    port.open()
    guest.release()
    ended = guest.end()
    unharmed(ended)
    assert (ended.sent, ended.waiting) == (10, 0), ended.stderr
    delivered(kafka_broker, transport["topic"], expected(10, "a"))


def test_up_then_down(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The broker crashes in the midst: the next run sends the rest first, then its own."""
    transport = {"bootstrap_servers": kafka_broker.bootstrap, "topic": kafka_broker.create_topic()}
    guest = Guest(transport, tmp_path, 400, hold=True, pause_after=100)
    guest.await_event(100)
    kafka_broker.stop(crash=True)
    guest.go_on()
    guest.await_event(399)
    guest.release()
    ended = guest.end()
    unharmed(ended, 400)
    assert ended.sent + ended.waiting == 400, ended.stderr
    assert ended.waiting >= 299, "what came after the crash can't have been sent"
    kafka_broker.start()
    after = Guest({**transport, "close_timeout": 60}, tmp_path, run="b").end()
    unharmed(after)
    assert (after.sent, after.waiting) == (10, 0), after.stderr
    assert f"(and {ended.waiting} of earlier runs sent)" in after.reasons, after.stderr
    delivered(kafka_broker, transport["topic"], expected(400, "a") + expected(10, "b"))


def test_black_holed(kafka_broker: KafkaBroker, port: Port, tmp_path: Path) -> None:
    """Something accepts and never answers, as behind a firewall."""
    transport = {**port.transport, "topic": kafka_broker.create_topic()}
    port.silent()
    ended = Guest(transport, tmp_path).end()
    unharmed(ended)
    assert (ended.sent, ended.waiting) == (0, 10), ended.stderr
    port.open()
    flushed(transport, tmp_path, 10)
    delivered(kafka_broker, transport["topic"], expected(10, "a"))


def test_slow(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The broker hangs while events come and answers late: emit never waits for it, and nothing is lost."""
    transport: Settings = {"bootstrap_servers": kafka_broker.bootstrap, "topic": kafka_broker.create_topic()}
    transport["close_timeout"] = 60
    kafka_broker.pause()
    guest = Guest(transport, tmp_path, 200, hold=True)
    guest.await_event(199)
    kafka_broker.resume()
    guest.release()
    ended = guest.end()
    unharmed(ended, 200)
    assert (ended.sent, ended.waiting) == (200, 0), ended.stderr
    delivered(kafka_broker, transport["topic"], expected(200, "a"))


def test_hangs_to_the_end(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The broker hangs with events on their way: the end comes in time, and the next run sends them."""
    transport = {"bootstrap_servers": kafka_broker.bootstrap, "topic": kafka_broker.create_topic()}
    guest = Guest(transport, tmp_path, 50, hold=True, pause_after=25)
    guest.await_event(25)
    kafka_broker.pause()
    guest.go_on()
    guest.await_event(49)
    guest.release()
    ended = guest.end()
    unharmed(ended, 50)
    assert ended.waiting >= 24, "what came while it hung can't have been sent"
    kafka_broker.resume()
    flushed(transport, tmp_path, ended.waiting)
    delivered(kafka_broker, transport["topic"], expected(50, "a"))


def test_wrong_password(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """One line says what to check, without the secret, and the right password sends what waited."""
    wrong = scram(kafka_broker, topic=kafka_broker.create_topic(), password=SECRET)
    # Such an attempt ends by itself, unless kafka-python loses the broker's answer, as it may on a slow machine.
    ended = Guest({**wrong, "close_timeout": 20}, tmp_path).end()
    unharmed(ended)
    assert (ended.sent, ended.waiting) == (0, 10), ended.stderr
    advices = ("check the credentials", "refuse credentials this way: check them")
    assert sum(ended.stderr.count(advice) for advice in advices) == 1, f"told not once: {ended.stderr}"
    planted = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not planted, "the spool holds a secret"
    flushed({**wrong, "password": kafka_broker.password}, tmp_path, 10)
    delivered(kafka_broker, wrong["topic"], expected(10, "a"))


def test_tls_name_mismatch(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The certificate is for another name; what waits for the wrong name is sent to the right one on request."""
    right = scram(kafka_broker, topic=kafka_broker.create_topic())
    alias = Port(kafka_broker.port + 2, "127.0.0.2")
    alias.open()
    advice = "use the brokers' names in their certificate"
    ended = ended_after_failing({**right, **alias.transport, "close_timeout": 6}, tmp_path, advice)
    alias.close()
    unharmed(ended)
    assert (ended.sent, ended.waiting) == (0, 10), ended.stderr
    assert advice in ended.reasons, ended.stderr
    first = spool(right, tmp_path, "flush")
    assert "belongs to other brokers; use `--queue`" in first.stderr, first.stderr
    [name] = json.loads(spool(right, tmp_path, "flush", "--json").stdout)["other_queues"]
    flushed(right, tmp_path, 10, "--queue", name)
    delivered(kafka_broker, right["topic"], expected(10, "a"))


def test_topic_missing(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The line says to create it; once it is there, the events follow."""
    transport = {"bootstrap_servers": kafka_broker.bootstrap, "topic": f"missing-{free_port()}"}
    advice = "does not exist: create it"
    ended = ended_after_failing({**transport, "close_timeout": 6}, tmp_path, advice)
    unharmed(ended)
    assert (ended.sent, ended.waiting) == (0, 10), ended.stderr
    assert advice in ended.reasons
    kafka_broker.create_topic(transport["topic"])
    flushed(transport, tmp_path, 10)
    delivered(kafka_broker, transport["topic"], expected(10, "a"))


def test_message_too_large_is_compressed(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """More bytes than the topic takes, but not once they are compressed."""
    transport: Settings = {
        "bootstrap_servers": kafka_broker.bootstrap,
        "topic": kafka_broker.create_topic(max_message_bytes="20000"),
        "max_request_size": 20000,
        "close_timeout": 60,
    }
    ended = Guest(transport, tmp_path, 4, sql_bytes=300_000).end()
    unharmed(ended, 4)
    assert (ended.sent, ended.waiting, ended.quarantined) == (4, 0, 0), ended.stderr
    delivered(kafka_broker, transport["topic"], expected(4, "a", sql_bytes=300_000))


@pytest.mark.parametrize("limit", ["ours", "topic's", "consumer's"])
def test_message_too_large_is_reduced(kafka_broker: KafkaBroker, tmp_path: Path, limit: str) -> None:
    """Without its SQL it fits, and says what it lacks; it keeps its place in the order."""
    transport: Settings = {"bootstrap_servers": kafka_broker.bootstrap, "compression": "none", "close_timeout": 60}
    sql_bytes = 200_000
    if limit == "ours":
        transport |= {"topic": kafka_broker.create_topic(), "max_request_size": 4000}
    elif limit == "topic's":
        transport |= {"topic": kafka_broker.create_topic(max_message_bytes="4000")}
    else:  # which is on what it gets after decompression
        sql_bytes = 9_000_000
        transport |= {"topic": kafka_broker.create_topic(), "compression": "gzip"}
    ended = Guest(transport, tmp_path, 4, sql_bytes=sql_bytes).end()
    unharmed(ended, 4)
    assert (ended.sent, ended.waiting, ended.quarantined) == (4, 0, 0), ended.stderr
    assert "sent without some of its facets" in ended.reasons
    found = [json.loads(record.value or b"") for record in kafka_broker.records(transport["topic"])]
    assert [one["run"]["runId"][-1] for one in found] == ["0", "1", "2", "3"]
    marker = found[0]["run"]["facets"]["headwater_reduced"]
    assert (marker["dropped"], marker["originalBytes"] > 200_000) == (["sql"], True)


def test_message_too_large_is_quarantined(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """What no reduction makes fit is kept with the reason; `flush` with a greater limit sends its exact bytes."""
    topic = kafka_broker.create_topic()
    transport: Settings = {"bootstrap_servers": kafka_broker.bootstrap, "topic": topic, "compression": "none"}
    transport["close_timeout"] = 60
    ended = Guest({**transport, "max_request_size": 3000}, tmp_path, 3, sql_bytes=10, name_bytes=5000).end()
    unharmed(ended, 3)
    assert (ended.sent, ended.waiting, ended.quarantined, ended.lost) == (0, 0, 3, 0), ended.stderr
    [queue] = status(tmp_path)["queues"]
    assert queue["quarantined"] == 3
    assert "max.message.bytes" in queue["reasons"][0]
    flushed(transport, tmp_path, 3)
    delivered(kafka_broker, topic, expected(3, "a", sql_bytes=10, name_bytes=5000))


@pytest.mark.parametrize("problem", ["full", "unwritable"])
def test_disk_full(kafka_broker: KafkaBroker, tmp_path: Path, problem: str) -> None:
    """One warning, and the events go through memory: what the disk took first, then the rest."""
    transport: Settings = {"bootstrap_servers": kafka_broker.bootstrap, "topic": kafka_broker.create_topic()}
    transport["close_timeout"] = 60
    (tmp_path / "file").touch()
    folder, limit = (tmp_path, 20_000) if problem == "full" else (tmp_path / "file" / "below", None)
    ended = Guest(transport, folder, 30, file_limit=limit).end()
    unharmed(ended, 30)
    assert ended.stderr.count("wait in memory, not on disk: ") == 1, ended.stderr
    assert (ended.sent, ended.waiting, ended.lost) == (30, 0, 0), ended.stderr
    delivered(kafka_broker, transport["topic"], expected(30, "a"))


def test_disk_full_and_no_broker(port: Port, tmp_path: Path) -> None:
    """The one case in which events are lost; the last line says how many and why."""
    (tmp_path / "file").touch()
    ended = Guest({**port.transport, "topic": "t"}, tmp_path / "file" / "below", until="ECONNREFUSED").end()
    unharmed(ended)
    assert (ended.sent, ended.waiting, ended.lost) == (0, 0, 10), ended.stderr
    assert "ECONNREFUSED" in ended.reasons


def test_clock_jump(kafka_broker: KafkaBroker, port: Port, tmp_path: Path) -> None:
    """The clock goes back by years between two runs: the older events are still the first, and no wait is longer."""
    transport = {**port.transport, "topic": kafka_broker.create_topic(), "close_timeout": 0.2}
    for run, jump in (("a", 0), ("a", -10 * 365 * 86400), ("b", 86400)):
        ended = Guest(transport, tmp_path, run=run, clock=jump).end()
        unharmed(ended)
        assert ended.waiting == 10, ended.stderr
    port.open()
    flushed(transport, tmp_path, 30)
    delivered(kafka_broker, transport["topic"], expected(10, "a") + expected(10, "b"))
    times = [json.loads(record.value or b"")["job"]["namespace"] for record in kafka_broker.records(transport["topic"])]
    assert times == ["guest-a"] * 20 + ["guest-b"] * 10


@pytest.mark.each_kafka
def test_clock_ahead(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Two hours ahead: brokers since Kafka 4.0 refuse that time, and take the same events without one."""
    transport: Settings = {"bootstrap_servers": kafka_broker.bootstrap, "close_timeout": 60}
    transport["topic"] = kafka_broker.create_topic()
    ended = Guest(transport, tmp_path, count=200, clock=2 * 3600).end()
    unharmed(ended, 200)
    assert (ended.sent, ended.waiting, ended.quarantined) == (200, 0, 0), ended.stderr
    delivered(kafka_broker, transport["topic"], expected(200, "a"))
    times = {record.timestamp_ms for record in browse(KafkaKit(kafka_broker).settings(), transport["topic"])}
    assert (times == {NO_TIME}) == (kafka_broker.major == 4), ended.reasons
    assert ("sent without a time: " in ended.reasons) == (kafka_broker.major == 4), ended.reasons


def test_two_at_once(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Two runs share a spool: each event is in the topic once, each run in its order, and both tell the truth."""
    transport: Settings = {"bootstrap_servers": kafka_broker.bootstrap, "topic": kafka_broker.create_topic()}
    transport["close_timeout"] = 60
    guests = [Guest(transport, tmp_path, 300, run) for run in ("a", "b")]
    for guest in guests:
        ended = guest.end()
        unharmed(ended, 300)
        assert (ended.sent, ended.waiting) == (300, 0), ended.stderr
    assert len(kafka_broker.records(transport["topic"])) == 600, "an event was sent twice"
    delivered(kafka_broker, transport["topic"], expected(300, "a") + expected(300, "b"))


@pytest.mark.parametrize("broker", ["up", "down"])
@pytest.mark.parametrize("after", [0, 57])
def test_kill_9(kafka_broker: KafkaBroker, port: Port, tmp_path: Path, broker: str, after: int) -> None:
    """Killed at some moment: all events whose emit had returned are delivered by whoever comes next."""
    transport = {**port.transport, "topic": kafka_broker.create_topic()}
    if broker == "up":
        port.open()
    guest = Guest(transport, tmp_path, 2000)
    guest.await_event(after)
    guest.signal(signal.SIGKILL)
    ended = guest.end()
    assert ended.code == -signal.SIGKILL
    returned = ended.numbers
    assert len(returned) > after
    if broker == "down":
        port.open()
    assert spool(transport, tmp_path, "flush").returncode == 0
    found = {record.value for record in kafka_broker.records(transport["topic"])}
    # One more may be there: its emit had returned, but was not told yet.
    values = expected(len(returned) + 1, "a")
    delivered(kafka_broker, transport["topic"], values if values[-1] in found else values[:-1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals(kafka_broker: KafkaBroker, port: Port, tmp_path: Path, number: signal.Signals) -> None:
    """The host ends by the signal as it does without us, in time, and the next one sends what is left."""
    transport = {**port.transport, "topic": kafka_broker.create_topic()}
    codes = []
    for environ in ({"OPENLINEAGE_DISABLED": "true"}, {}):
        guest = Guest(transport, tmp_path, hold=True, environ=environ)
        guest.await_event(9)
        guest.signal(number)
        ended = guest.end()
        assert ended.numbers == list(range(10))
        codes.append(ended.code)
    assert codes[0] == codes[1], "the exit code is ours"
    port.open()
    flushed(transport, tmp_path, 10)
    delivered(kafka_broker, transport["topic"], expected(10, "a"))


def test_disabled(port: Port, tmp_path: Path) -> None:
    """OPENLINEAGE_DISABLED=true: nothing is written and nothing is said."""
    ended = Guest({**port.transport, "topic": "t"}, tmp_path, environ={"OPENLINEAGE_DISABLED": "true"}).end()
    unharmed(ended)
    assert "headwater" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_kafka_python(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """The line says what to install; once it is, the events follow. No time is lost with a try that can't work."""
    transport = {"bootstrap_servers": kafka_broker.bootstrap, "topic": kafka_broker.create_topic()}
    ended = Guest(transport, tmp_path, no_kafka=True).end()
    unharmed(ended)
    assert (ended.sent, ended.waiting) == (0, 10), ended.stderr
    assert "pip install 'headwater[emitter]'" in ended.reasons
    flushed(transport, tmp_path, 10)
    delivered(kafka_broker, transport["topic"], expected(10, "a"))


def test_spool_full(kafka_broker: KafkaBroker, port: Port, tmp_path: Path) -> None:
    """Beyond `spool_max_bytes` events go through memory; if they can't be sent either, the last line counts them."""
    transport = {
        **port.transport,
        "topic": kafka_broker.create_topic(),
        "spool_max_bytes": 20_000,
        "close_timeout": 0.2,
    }
    ended = Guest(transport, tmp_path, 30).end()
    unharmed(ended, 30)
    assert ended.lost > 0
    assert ended.waiting + ended.lost == 30, ended.stderr
    assert "are full: send what waits with `headwater-dbt spool flush`" in ended.stderr
    port.open()
    flushed(transport, tmp_path, ended.waiting)
    delivered(kafka_broker, transport["topic"], expected(ended.waiting, "a"))


def test_the_command_explains_itself(tmp_path: Path) -> None:
    """Without a transport there is nowhere to send to, and 2 is the code of a wrong set-up."""
    done = spool({"type": "console"}, tmp_path, "flush")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no transport of type emitter.transport.KafkaTransport" in done.stderr
    assert spool({"type": "console"}, tmp_path, "status").returncode == 0
    assert spool({"type": "console"}, tmp_path, "send").returncode == 2
