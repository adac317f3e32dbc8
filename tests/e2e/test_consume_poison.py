"""Records that can't be folded, among many that can: each is kept as a dead letter, and takes nothing with it.

All topics here have one partition, so that a record's offset is its number in the stream.
"""

from __future__ import annotations

import random
import signal
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from kafka import KafkaProducer

from consumer.processing.batch import TOMBSTONE
from tests.support.brokers.consuming_processes import (
    EVENTS,
    PATIENCE_S,
    Field,
    exported,
    undisturbed,
)
from tests.support.brokers.kafka_server import Record
from tests.support.events.small_events import PRODUCER, SCHEMA, records
from tests.support.processes.servers import KafkaBroker, NeptuneProxy

pytestmark = pytest.mark.timeout(900)

MARK = "unspeakable"
"""What the graph refuses, for good."""

SENT_MS = int(time.time() * 1000)
"""The timestamp of the first record; the others follow by the millisecond."""


class Poison(NamedTuple):
    """A record that is to be rejected.

    Attributes:
        value: Its value; None for a tombstone.
        path: Where in the document the reason is.
        reason: Part of it.
    """

    value: bytes | None
    path: str
    reason: str


def event(**changes: object) -> bytes:
    """An event of a run of its own, but for some changes."""
    good = {
        "eventTime": "2026-01-01T00:00:00Z",
        "eventType": "COMPLETE",
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "dbt", "name": "poison"},
        "producer": PRODUCER,
        "schemaURL": f"{SCHEMA}RunEvent",
    }
    return orjson.dumps(good | changes)


def poisons() -> list[Poison]:
    """A dozen of each kind, and a few of the costly one."""
    unspeakable = event(job={"namespace": "dbt", "name": MARK})
    each = [
        Poison(b"{]", "$", "the document is not valid JSON"),
        Poison(event(job=None), "$.job", "expected an object"),
        Poison(event(eventTime="2099-01-01T00:00:00Z"), "$.eventTime", "correct the producer's clock"),
        Poison(None, "$", TOMBSTONE),
    ]
    found = each * 12 + [Poison(unspeakable, "$", "MalformedQueryException")] * 4
    random.Random(6).shuffle(found)
    return found


class Sent(NamedTuple):
    """A topic's records, by offset; the good ones have no poison."""

    values: list[bytes | None]
    poison: dict[int, Poison]


def mixed(bad: Sequence[Poison]) -> Sent:
    """All good events, with bad ones spread evenly among them."""
    values: list[bytes | None] = []
    poison: dict[int, Poison] = {}
    gap = EVENTS // (len(bad) + 1)
    for number, (_, value) in enumerate(records(EVENTS)):
        values.append(value)
        if number % gap == gap - 1 and len(poison) < len(bad):
            poison[len(values)] = bad[len(poison)]
            values.append(poison[len(values)].value)
    return Sent(values, poison)


def send(field: Field, values: Sequence[bytes | None]) -> None:
    """Writes records in their order, each with a key and a timestamp that tell its offset."""
    producer = KafkaProducer(bootstrap_servers=field.broker.bootstrap, linger_ms=20)
    for offset, value in enumerate(values):
        producer.send(field.topic, key=b"%d" % offset, value=value, timestamp_ms=SENT_MS + offset)
    producer.flush()
    producer.close()


def origin(letter: Record) -> int:
    """The offset that a dead letter came from."""
    return int(dict(letter.headers)["headwater.offset"])


def check_letter(letter: Record, poison: Poison, field: Field) -> None:
    """It is the record as it was, with the reason, the path and where it came from."""
    offset = origin(letter)
    told = {name.removeprefix("headwater."): text.decode() for name, text in letter.headers}
    assert (letter.key, letter.value) == (b"%d" % offset, poison.value), f"another record than that at {offset}"
    assert poison.reason in told.pop("reason")
    place = {"topic": field.topic, "partition": "0", "offset": str(offset), "timestamp": str(SENT_MS + offset)}
    assert told == place | {"path": poison.path}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The export of the good events."""
    return undisturbed(tmp_path_factory)


def test_poison(
    kafka_broker: KafkaBroker,
    neptune_proxy: NeptuneProxy,
    tmp_path: Path,
    expected: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No JSON, no event, no value, from the future, refused by the graph: each a dead letter; all else is written."""
    for name, value in neptune_proxy.environment_of_clients.items():
        monkeypatch.setenv(name, value)
    neptune_proxy.clear()
    neptune_proxy.reset_stats()
    neptune_proxy.faults(refuse=MARK)
    field = Field(kafka_broker, neptune_proxy.backend.url, tmp_path, 1, GRAPH=neptune_proxy.url)
    sent = mixed(poisons())
    send(field, sent.values)
    with field.consuming() as service:
        field.until_lag(0)
        service.stop()
    assert neptune_proxy.stats()["injected"].get("MalformedQueryException", 0) > 4, "the graph refused hardly anything"
    letters = kafka_broker.records(field.dead)
    assert sorted(map(origin, letters)) == sorted(sent.poison), "other records are dead letters than those that should"
    for letter in letters:
        check_letter(letter, sent.poison[origin(letter)], field)
    assert exported(field.graph) == expected, "more or less is in the graph than the good events"


def test_flood(kafka_broker: KafkaBroker, tmp_path: Path, expected: bytes) -> None:
    """When most of what comes is rejected, the service stops and says why; nothing is committed that is not kept."""
    limits = {"DEAD_LETTERS__LIMIT_COUNT": "1000", "DEAD_LETTERS__LIMIT_WINDOW": "2000"}
    field = Field(kafka_broker, f"sqlite:///{tmp_path / 'graph.db'}", tmp_path, 1)
    send(field, [value for _, value in records(EVENTS)] + [b"no event"] * 3_000)

    def kept() -> list[int]:
        return sorted(map(origin, kafka_broker.records(field.dead)))

    with field.consuming("stops", **limits) as stops:
        assert stops.process.wait(PATIENCE_S) == 1, f"it should have stopped:\n{stops.said()}"
    for part in ("more than the limit", "Check that this is the right topic", "dead_letters.limit_count"):
        assert part in stops.said(), f"{part!r} is not told:\n{stops.said()}"
    committed = kafka_broker.committed(field.topic, field.group)[0]
    assert EVENTS < committed <= EVENTS + 1_000, "the flood begins at the thousandth that is rejected"
    assert kept() == list(range(EVENTS, committed)), "what is committed is kept, and no more"
    with field.consuming("told to go on", DEAD_LETTERS__LIMIT_COUNT="5000") as again:
        field.until_lag(0)
        again.stop()
    assert kept() == list(range(EVENTS, EVENTS + 3_000))
    assert exported(field.graph) == expected


def test_dead_letters_that_cannot_be_written(kafka_broker: KafkaBroker, tmp_path: Path, expected: bytes) -> None:
    """Where a rejected record can't be kept, its offset is not committed; in a narrow topic a part of it is kept.

    The service is stopped by two SIGTERMs at once, and ends as after one.
    """
    dead = f"dead-{uuid.uuid4().hex[:8]}"
    large = Poison(random.Random(6).randbytes(20_000), "$", "the document is not valid JSON")
    sent = mixed([large._replace(value=b"{]"), large])
    first, second = sorted(sent.poison)
    field = Field(kafka_broker, f"sqlite:///{tmp_path / 'graph.db'}", tmp_path, 1, KAFKA__DEAD_LETTER_TOPIC=dead)
    send(field, sent.values)
    with field.consuming("no topic") as service:
        field.until(lambda: bool(service.told("writing dead letters")), "the missing topic is told of")
        committed = kafka_broker.committed(field.topic, field.group).get(0, 0)
        assert committed <= first, "its offset is committed, but it is nowhere"
        kafka_broker.create_topic(dead, max_message_bytes="5000")
        field.until_lag(0)
        service.send(signal.SIGTERM)
        service.stop()
        assert service.told("stopped"), service.said()
    letters = kafka_broker.records(dead)
    assert [origin(letter) for letter in letters] == [first, second]
    (short,) = [letter for letter in letters if sent.poison[origin(letter)] is large]
    assert (short.value, dict(short.headers)["headwater.length"]) == ((large.value or b"")[:4096], b"20000")
    assert exported(field.graph) == expected
