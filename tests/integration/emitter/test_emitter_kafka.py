"""The emitter against a real broker, and under real dbt-ol: events arrive, and dbt notices nothing of us."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emitter.config.transport_config import CheckedConfig
from emitter.runner.client.emission import open_client
from emitter.transport import KafkaTransport
from tests.support.brokers.kafka_server import scram
from tests.support.dbt.dbt_project import Shop
from tests.support.events import every_facet
from tests.support.processes.servers import KafkaBroker, free_port

TYPE = "emitter.transport.KafkaTransport"
SUMMARY = r"OpenLineage events: (\d+) sent, (\d+) waiting, (\d+) quarantined(?:, (\d+) lost)?(.*)"


@dataclass(frozen=True)
class Outcome:
    """How it ended: the summary's numbers and its reasons."""

    sent: int
    waiting: int
    quarantined: int
    lost: int
    reasons: str


@pytest.fixture
def send(caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sends events through a transport of these settings, and tells how it ended."""
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spool"))
    caplog.set_level("INFO", "emitter")

    def run(count: int = 3, **settings: Any) -> Outcome:
        transport = KafkaTransport(CheckedConfig.from_dict(settings))
        for number in range(count):
            transport.emit({"job": {"namespace": "dbt", "name": "root"}, "number": number, "sql": "select 1 " * 300})
        transport.close(timeout=30)
        return outcome(caplog.messages[-1])

    return run


def outcome(text: str) -> Outcome:
    """Reads the summary line."""
    found = re.search(SUMMARY, text)
    assert found, f"no summary in {text!r}"
    sent, waiting, quarantined, lost = (int(number or 0) for number in found.groups()[:4])
    return Outcome(sent, waiting, quarantined, lost, found[5])


def test_a_thousand_events_share_a_partition_in_order(kafka_broker: KafkaBroker, send: Any) -> None:
    """One run's events have one key, so one partition keeps their order."""
    topic = kafka_broker.create_topic(partitions=4)
    assert send(1000, bootstrap_servers=kafka_broker.bootstrap, topic=topic).sent == 1000
    records = kafka_broker.records(topic)
    assert {(record.partition, record.key) for record in records} == {(records[0].partition, b"dbt/root")}
    assert [json.loads(record.value or b"")["number"] for record in records] == list(range(1000))


def test_every_facet_is_in_the_topic(
    kafka_broker: KafkaBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was made, whatever OpenLineage's client is configured to add to the event on its way."""
    topic = kafka_broker.create_topic()
    transport = {"type": TYPE, "bootstrap_servers": kafka_broker.bootstrap, "topic": topic, "close_timeout": 60}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT", json.dumps(transport))
    monkeypatch.setenv("OPENLINEAGE__TAGS__RUN__COST", "seven")
    monkeypatch.setenv("OPENLINEAGE__TAGS__JOB__TIER", "gold")
    emission = open_client()
    sent = [every_facet.run(), every_facet.described()]
    for event in sent:
        emission.emit(event)
    notes: list[str] = []
    emission.close(notes.append)
    run, described = (json.loads(record.value or b"") for record in kafka_broker.records(topic))
    assert described == sent[1]
    tags = {tag["key"]: tag["value"] for tag in run["run"]["facets"].pop("tags")["tags"]}
    own = {tag["key"]: tag["value"] for tag in sent[0]["run"]["facets"].pop("tags")["tags"]}
    assert tags.items() >= {**own, "cost": "seven"}.items()
    assert [tag["key"] for tag in run["job"]["facets"].pop("tags")["tags"]] == ["tier"]
    assert run == sent[0]


def test_nodes_with_tags_and_meta_are_in_the_topic(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    """Each node that real dbt ran has its start and its end there, under one key."""
    topic = kafka_broker.create_topic()
    shop = Shop(tmp_path)
    transport = {"type": TYPE, "bootstrap_servers": kafka_broker.bootstrap, "topic": topic, "close_timeout": 60}
    chosen = ["build", "--exclude", "daily", "test_type:unit"]
    spool = str(tmp_path / "spool")
    ran = shop.run("headwater-dbt", chosen, OPENLINEAGE__TRANSPORT=json.dumps(transport), HEADWATER_SPOOL_DIR=spool)
    assert ran.code == 0, ran.out + ran.err
    records = kafka_broker.records(topic)
    events = [json.loads(record.value or b"") for record in records]
    found = outcome(ran.err)
    assert (found.sent, found.waiting, found.lost) == (len(events), 0, 0), ran.err
    states: dict[str, set[str]] = {}
    for event in events:
        states.setdefault(event["job"]["name"], set()).add(event["eventType"])
    models = ["stg_orders.build.run", "orders.build.run", "prices.v1.build.run", "prices.v2.build.run"]
    for job in ["seed.shop.orders_raw", *(f"shop.main.shop.{model}" for model in models)]:
        assert states[job] == {"START", "COMPLETE"}, ran.err
    assert len({record.key for record in records}) == 1


def test_no_log_has_a_secret(kafka_broker: KafkaBroker, send: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the level of debugging, kafka-python's own log included."""
    caplog.set_level("DEBUG")
    send(**scram(kafka_broker, topic="nowhere", password="planted-s3cret", close_timeout=1))
    send(**scram(kafka_broker, topic="nowhere", pasword="planted-s3cret"))
    assert "planted-s3cret" not in caplog.text


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dbt project of one model, which fails where `column` is no column."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "models").mkdir()
    (folder / "models" / "one.sql").write_text("select {{ var('column', '1') }} as id")
    (folder / "dbt_project.yml").write_text("{name: tiny, profile: tiny, flags: {send_anonymous_usage_stats: false}}")
    (folder / "profiles.yml").write_text(
        "tiny: {target: dev, outputs: {dev: {type: duckdb, path: tiny.duckdb, threads: 1}}}"
    )
    return folder


def dbt_ol(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the stock wrapper in the project."""
    scripts = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENLINEAGE")}
    own = {"HEADWATER_SPOOL_DIR": str(project / "spool")}
    return subprocess.run(
        [scripts / "dbt-ol", *arguments],
        cwd=project,
        env={
            **kept,
            "PATH": f"{scripts}{os.pathsep}{kept['PATH']}",
            "NO_COLOR": "1",
            **own,
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def steady(stdout: str) -> list[str]:
    """Returns what two runs of dbt-ol have in common: without times, numbers, and the transport's name."""
    kept = [line for line in stdout.splitlines() if "partial pars" not in line]
    return [re.sub(r"`[\w-]+` transport", "transport", re.sub(r"[\d.:,-]+", "0", line)) for line in kept]


def test_dbt_ol_runs_as_without_us(kafka_broker: KafkaBroker, project: Path) -> None:
    """The same stdout and exit code with Kafka as with no transport, and every event is in the topic."""
    topic = kafka_broker.create_topic()
    without = dbt_ol(project, "run", OPENLINEAGE__TRANSPORT='{"type": "noop"}')
    transport = {"type": TYPE, "bootstrap_servers": kafka_broker.bootstrap, "topic": topic}
    ours = dbt_ol(project, "run", OPENLINEAGE__TRANSPORT=json.dumps(transport))
    assert (without.returncode, ours.returncode) == (0, 0), ours.stderr
    assert steady(ours.stdout) == steady(without.stdout)
    records = kafka_broker.records(topic)
    assert outcome(ours.stderr).sent == len(records) == 4, ours.stderr
    assert {record.key for record in records} == {b"dbt/dbt-run-tiny"}, "one run's events have several keys"
    states = [json.loads(record.value or b"")["eventType"] for record in records]
    assert (states[0], states[-1]) == ("START", "COMPLETE")


def test_dbt_ol_streams_over_scram(kafka_broker: KafkaBroker, project: Path) -> None:
    """From structured logs, with each setting in a variable of its own, and the password in none of OpenLineage's."""
    settings = scram(kafka_broker, topic=kafka_broker.create_topic(), password_env="PW", type=TYPE)
    del settings["password"]
    environ = {f"OPENLINEAGE__TRANSPORT__{name.upper()}": value for name, value in settings.items()}
    ran = dbt_ol(project, "--consume-structured-logs", "run", **environ, PW=kafka_broker.password)
    assert ran.returncode == 0, ran.stderr
    records = kafka_broker.records(settings["topic"])
    assert outcome(ran.stderr).sent == len(records) > 0, ran.stderr
    assert len({record.key for record in records}) == 1, "one run's events have several keys"


def test_dbts_failure_is_the_exit_code_with_wrong_settings(project: Path) -> None:
    """With wrong settings, of which the stock transports die, dbt still runs and fails by itself."""
    transport = {"type": TYPE, "bootstrap_server": "x:1"}
    ran = dbt_ol(project, "run", "--vars", "column: nowhere", OPENLINEAGE__TRANSPORT=json.dumps(transport))
    assert ran.returncode == 1, ran.stderr
    assert "Completed with 1 error" in ran.stdout, "dbt did not run"
    assert "did you mean `bootstrap_servers`" in ran.stderr
    ended = outcome(ran.stderr)
    assert (ended.sent, ended.waiting) == (0, 0), ended
    assert ended.lost > 0


def test_what_a_run_could_not_send_the_next_one_sends(kafka_broker: KafkaBroker, project: Path, tmp_path: Path) -> None:
    """A failing dbt run without a topic, then a good one with it: both are in the topic, in order, and told truly."""
    transport = {"bootstrap_servers": kafka_broker.bootstrap, "topic": f"later-{free_port()}", "close_timeout": 1}
    environ = {"OPENLINEAGE__TRANSPORT": json.dumps({"type": TYPE, **transport}), "HEADWATER_SPOOL_DIR": str(tmp_path)}
    failed = dbt_ol(project, "run", "--vars", "column: nowhere", **environ)
    assert failed.returncode == 1, failed.stderr
    first = outcome(failed.stderr)
    assert (first.sent, first.waiting, first.lost) == (0, 4, 0), failed.stderr
    kafka_broker.create_topic(str(transport["topic"]))
    environ["OPENLINEAGE__TRANSPORT"] = json.dumps({"type": TYPE, **transport, "close_timeout": 60})
    good = dbt_ol(project, "run", **environ)
    assert good.returncode == 0, good.stderr
    second = outcome(good.stderr)
    assert (second.sent, second.waiting, second.lost) == (4, 0, 0), good.stderr
    assert "(and 4 of earlier runs sent)" in second.reasons
    events = [json.loads(record.value or b"") for record in kafka_broker.records(str(transport["topic"]))]
    assert [one["eventType"] for one in events][3::4] == ["FAIL", "COMPLETE"], "the runs are not one after the other"
