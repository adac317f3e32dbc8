"""The transport as OpenLineage's client sees it: it never raises, never waits long, and tells the truth at the end."""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.serde import Serde

from emitter.brokers.broker import Broker, DeliveryCallback
from emitter.config.transport_config import CheckedConfig, KafkaConfig
from emitter.errors import RefusedError
from emitter.record import Record
from emitter.transport import KafkaTransport, open_broker

TYPE = "emitter.transport.KafkaTransport"


class ListBroker:
    """Stores all."""

    def __init__(self) -> None:
        self.stored: list[Record] = []

    def send(self, record: Record, on_delivery: DeliveryCallback) -> None:
        """Stores the record."""
        self.stored.append(record)
        on_delivery(None)

    def close(self) -> None:
        """Keeps what it has."""


def event() -> RunEvent:
    """Makes a start of the job `dbt/model`."""
    return RunEvent(
        eventType=RunState.START,
        eventTime="2026-01-01T00:00:00Z",
        run=Run(runId="0190a2b8-0000-7000-8000-000000000000"),
        job=Job(namespace="dbt", name="model"),
    )


def transport(connect: Callable[[KafkaConfig], Broker] = open_broker, **params: Any) -> KafkaTransport:
    """Makes a transport of settings, at the time 1.5."""
    config = CheckedConfig.from_dict({"bootstrap_servers": "b:1", **params})
    return KafkaTransport(config, connect=connect, now=lambda: 1.5)


def test_an_event_becomes_a_record() -> None:
    """Its bytes are those of OpenLineage's own serialisation."""
    broker = ListBroker()
    sender = transport(lambda _: broker, topic="lineage")
    sender.emit(event())
    assert sender.wait_for_completion()
    assert sender.close() is True
    assert broker.stored == [Record("lineage", b"dbt/model", Serde.to_json(event()).encode(), 1500)]


def test_a_dictionary_is_an_event_too() -> None:
    """Other callers than dbt-ol emit what they read from a file."""
    broker = ListBroker()
    sender = transport(lambda _: broker)
    sender.emit({"job": {"namespace": "a", "name": "b"}})
    sender.close()
    assert [(record.key, json.loads(record.value)["job"]["name"]) for record in broker.stored] == [(b"a/b", "b")]


def test_what_is_no_event_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    """`emit` doesn't raise, whatever it is given."""
    sender = transport(lambda _: ListBroker())
    sender.emit(object())
    assert sender.close() is False
    assert "0 sent, 0 waiting, 0 quarantined, 1 lost: an event could not be kept: NotAnAttrsClassError" in caplog.text


def test_openlineages_client_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its type, from environment variables, with the stock factory; the log on disk then has the event."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", TYPE)
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__BOOTSTRAP_SERVERS", f"file://{tmp_path}")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__CLOSE_TIMEOUT", "5")
    client = OpenLineageClient()
    client.emit(event())
    assert client.close(timeout=30) is True
    line = json.loads((tmp_path / "openlineage.events.jsonl").read_bytes())
    assert (line["key"], line["value"]["eventType"]) == ("dbt/model", "START")


def test_a_mistake_in_the_settings_is_told_and_raises_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """dbt-ol must come to run dbt: the mistake is told at the start, and without a sure topic the events are lost."""
    sender = transport(lambda _: pytest.fail("connected"), topik="x")
    assert "dbt runs without them: transport setting `topik` is unknown; did you mean `topic`" in caplog.text
    sender.emit(event())
    assert sender.close() is False
    assert "0 sent, 0 waiting, 0 quarantined, 1 lost: transport setting `topik` is unknown" in caplog.text


def test_a_missing_credential_keeps_the_events(caplog: pytest.LogCaptureFixture) -> None:
    """Where they go is sure, so the next run with right settings sends them."""
    caplog.set_level("INFO", "emitter")
    wrong = transport(lambda _: pytest.fail("connected"), auth="scram", username="u")
    wrong.emit(event())
    assert wrong.close() is False
    assert "0 sent, 1 waiting, 0 quarantined: transport setting `password` is missing" in caplog.text
    broker = ListBroker()
    right = transport(lambda _: broker)
    right.emit(event())
    assert right.close() is True
    assert len(broker.stored) == 2
    assert "1 sent, 0 waiting, 0 quarantined (and 1 of earlier runs sent)" in caplog.text


def test_a_missing_kafka_python_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One line with what to install, and no time lost."""
    monkeypatch.delitem(sys.modules, "emitter.brokers.kafka_broker", raising=False)
    monkeypatch.setitem(sys.modules, "kafka", None)
    sender = transport()
    sender.emit(event())
    assert sender.close() is False
    assert "0 sent, 1 waiting, 0 quarantined: " in caplog.text
    assert "pip install 'headwater[emitter]'" in caplog.text


def test_without_file_locks_events_wait_in_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on Windows: told once, and sent all the same."""
    for name in [name for name in sys.modules if name.startswith("emitter.spool")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    broker = ListBroker()
    sender = transport(lambda _: broker)
    sender.emit(event())
    assert sender.close() is True
    assert len(broker.stored) == 1
    assert "wait in memory, not on disk: the spool needs a Unix" in caplog.text


def test_close_is_bounded_by_the_setting_and_tells_once(caplog: pytest.LogCaptureFixture) -> None:
    """dbt-ol gives 30 s, the setting 10 s less: the shorter counts. A second close is silent."""

    def refuse(_: KafkaConfig) -> Broker:
        raise RefusedError("no")

    sender = transport(refuse, close_timeout=0.5)
    sender.emit(event())
    sender.close(timeout=30)
    sender.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    kept = "(on disk: the next run sends what waits, or `headwater-dbt spool flush`)"
    where = "; destination: topic openlineage.events at b:1"
    assert caplog.messages == [f"OpenLineage events: 0 sent, 1 waiting, 0 quarantined: no {kept}{where}"]


def test_without_events_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """`dbt-ol debug` shows nothing of us."""
    assert transport().close() is True
    assert not caplog.messages
