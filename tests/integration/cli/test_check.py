"""`headwater check` against real servers: what is told of versions, rights, topics, lag and clocks."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from consumer.checks import neptune_status
from consumer.checks.finding import State
from consumer.checks.kafka_cluster import inspect_cluster
from consumer.config.settings import KafkaSettings
from consumer.graph.gremlin.endpoint import Address
from consumer.kafka.group_consumer import GroupConsumer
from consumer.processing.record import TopicPartition
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker, NeptuneProxy

pytestmark = pytest.mark.each_kafka


def check(*arguments: str, env: Mapping[str, str] = MappingProxyType({})) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The exit code, the one result, and its findings by what they are about."""
    done = headwater("check", *arguments, "--json", env=env)
    (result,) = json.loads(done.stdout)
    return done.exit_code, result, {finding["what"]: finding for finding in result["findings"]}


def variables(settings: KafkaSettings) -> dict[str, str]:
    """The environment that says the same."""
    values = {
        "BOOTSTRAP_SERVERS": ",".join(settings.bootstrap_servers),
        "TOPIC": settings.topic,
        "DEAD_LETTER_TOPIC": settings.dead_letter_topic,
        "GROUP_ID": settings.group_id,
        "AUTH": settings.auth,
    }
    if settings.auth == "scram":
        password = settings.password.get_secret_value() if settings.password else ""
        values |= {"USERNAME": str(settings.username), "PASSWORD": password, "CA_FILE": str(settings.ca_file)}
    return {f"HEADWATER_KAFKA__{name}": value for name, value in values.items()}


def allow(broker: KafkaBroker, *rights: tuple[ResourceType, str, ACLOperation]) -> None:
    """Grants the secure listener's user these rights; with the first on a resource all others on it are gone."""
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap) as admin:
        admin.create_acls(
            [
                ACL("User:headwater", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))
                for kind, name, operation in rights
            ]
        )


def test_kafka_in_order(kafka_broker: KafkaBroker) -> None:
    """A cluster in use: its version, settings, rights, the group's lag, and the newest record's age."""
    kit = KafkaKit(kafka_broker, secure=True)
    topic = kafka_broker.create_topic(partitions=2, message_timestamp_type="LogAppendTime")
    dead = kafka_broker.create_topic(max_message_bytes=str(2 * 1024 * 1024), message_timestamp_type="LogAppendTime")
    with closing(kit.producer()) as producer:
        producer.write(topic, [(b"k", b"{}", ())] * 3)
    settings = kit.settings(topic=topic, dead_letter_topic=dead, group_id="checked")
    with closing(GroupConsumer(settings)) as source:
        source.subscribe(lambda _: None)
        while not (records := source.poll(0.2, 1)):
            pass
        source.commit({records[0].topic_partition: records[0].offset + 1})
    code, result, findings = check("kafka", env=variables(settings))
    assert (code, result["ok"], result["where"]) == (0, True, kafka_broker.ssl_bootstrap), result
    assert {finding["state"] for finding in findings.values()} == {"ok"}, findings
    assert f"1 broker, Kafka {kafka_broker.major}." in findings["cluster"]["message"]
    assert "2 partitions, 1 replica, kept for 7 days, records of up to 1 MiB" in findings[f"topic {topic}"]["message"]
    assert findings[f"permissions on {dead}"]["message"] == "DESCRIBE and READ and WRITE"
    assert "0 members, empty" in findings["group checked"]["message"]
    assert findings["lag"]["message"].startswith("2 records; the oldest of "), findings["lag"]
    assert "the newest record is from 2" in findings["reading"]["message"]


def test_topics_that_lose_events(kafka_broker: KafkaBroker) -> None:
    """A compacted topic fails the check; short retention and small dead letters are warned of."""
    topic = kafka_broker.create_topic(cleanup_policy="compact", retention_ms="60000")
    settings = KafkaKit(kafka_broker).settings(topic=topic, dead_letter_topic=kafka_broker.create_topic())
    code, result, findings = check("kafka", env=variables(settings))
    assert (code, result["ok"]) == (1, False), result
    bad, small = findings[f"topic {topic}"], findings[f"topic {settings.dead_letter_topic}"]
    assert bad["state"] == "failed", bad
    assert "cleanup.policy is compact" in bad["message"]
    assert "kept less than a day" in bad["message"]
    assert (small["state"], "raise max.message.bytes by 1 MiB" in small["message"]) == ("warning", True), small
    told = headwater("check", "kafka", env=variables(settings)).stdout
    assert f"failed   topic {topic}: " in told, told


def test_rights_that_are_missing(kafka_broker: KafkaBroker) -> None:
    """Who may see a topic but not read it, write no dead letters, or not join the group, is told which right it is."""
    kit = KafkaKit(kafka_broker, secure=True)
    topic, dead, group = kit.topic(), kit.topic(), "guarded"
    settings = kit.settings(topic=topic, dead_letter_topic=dead, group_id=group)
    allow(
        kafka_broker,
        (ResourceType.TOPIC, topic, ACLOperation.DESCRIBE),
        (ResourceType.TOPIC, dead, ACLOperation.READ),
        (ResourceType.GROUP, group, ACLOperation.DESCRIBE),
    )
    code, _, findings = check("kafka", env=variables(settings))
    assert code == 1, findings
    assert findings[f"permissions on {topic}"]["message"] == "READ are missing; grant them"
    assert findings[f"permissions on {dead}"]["message"] == "WRITE are missing; grant them"
    assert findings[f"group {group}"]["message"] == "no permission to join it; grant READ on it"
    assert "grant DescribeConfigs" in findings[f"topic {topic}"]["message"]


def test_who_makes_topics_need_not_read_them(kafka_broker: KafkaBroker) -> None:
    """A role that may make and describe topics and nothing else makes them, and that is success; what lacks is told."""
    kit = KafkaKit(kafka_broker, secure=True)
    topic, group = f"{kit.topic()}.made", "made"
    settings = kit.settings(topic=topic, dead_letter_topic=f"{topic}.dead", group_id=group)
    made = [
        (ResourceType.TOPIC, name, operation)
        for name in (topic, settings.dead_letter_topic)
        for operation in (ACLOperation.CREATE, ACLOperation.DESCRIBE, ACLOperation.DESCRIBE_CONFIGS)
    ]
    allow(kafka_broker, *made, (ResourceType.GROUP, group, ACLOperation.DESCRIBE))
    code, result, findings = check("kafka", "--create-topics", env=variables(settings))
    assert (code, result["ok"]) == (0, True), result
    assert "records of up to 7 MiB" in findings[f"topic {topic}"]["message"], findings
    assert "records of up to 8 MiB" in findings[f"topic {settings.dead_letter_topic}"]["message"], findings
    lacks = findings[f"permissions on {topic}"]
    advice = "READ are missing; grant them to the identity of the service"
    assert (lacks["state"], lacks["message"]) == ("warning", advice)
    assert "lag" not in findings, "it may not read"
    code, _, _ = check("kafka", env=variables(settings))
    assert code == 1, "for the service that is a failure"


def test_a_service_that_may_not_read_its_dead_letters(kafka_broker: KafkaBroker) -> None:
    """It only writes them, so its check succeeds, and says which command needs more."""
    kit = KafkaKit(kafka_broker, secure=True)
    topic, dead, group = kit.topic(), kit.topic(), "narrow"
    settings = kit.settings(topic=topic, dead_letter_topic=dead, group_id=group)
    allow(
        kafka_broker,
        (ResourceType.TOPIC, topic, ACLOperation.READ),
        (ResourceType.TOPIC, dead, ACLOperation.WRITE),
        (ResourceType.GROUP, group, ACLOperation.READ),
    )
    code, result, findings = check("kafka", env=variables(settings))
    assert code == 0, result
    words = "DESCRIBE and WRITE; `headwater dead-letters` also needs READ; the service does not"
    assert findings[f"permissions on {dead}"]["message"] == words


def test_a_partition_that_nobody_reads(kafka_broker: KafkaBroker) -> None:
    """The check names it: its lag is in no metric."""
    kit = KafkaKit(kafka_broker)
    topic = kit.topic(partitions=2)
    more = {"group_id": f"reads-{topic}", "metadata_max_age_s": 600}
    settings = kit.settings(topic=topic, dead_letter_topic=kit.topic(), **more)
    with closing(GroupConsumer(settings)) as source:
        source.subscribe(lambda _: None)
        while not source.is_member():
            source.poll(0.2, 1)
        _, _, findings = check("kafka", env=variables(settings))
        assert findings[f"group {settings.group_id}"] == {
            "what": f"group {settings.group_id}",
            "state": "ok",
            "message": "1 member, stable",
        }
        kafka_broker.add_partitions(topic, 4)
        _, _, findings = check("kafka", env=variables(settings))
    found = findings[f"group {settings.group_id}"]
    assert found["state"] == "warning", found
    assert f"no member reads {topic}[2], {topic}[3]" in found["message"], found


def test_lag_and_clock_of_kafka(kafka_broker: KafkaBroker) -> None:
    """What retention took unread is counted, and records from the future are a clock gone wrong."""
    kit = KafkaKit(kafka_broker)
    topic = kit.topic()
    with closing(kit.producer()) as producer:
        producer.write(topic, [(b"k", b"{}", ())] * 5)
    settings = kit.settings(topic=topic, dead_letter_topic=kit.topic(), group_id="slow")
    with closing(GroupConsumer(settings)) as source:
        source.subscribe(lambda _: None)
        while not source.poll(0.2, 1):
            pass
        source.commit({TopicPartition(topic, 0): 1})
    with KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap) as admin:
        from kafka import TopicPartition as KafkaPartition  # noqa: PLC0415 -- beside ours of the same name

        admin.delete_records({KafkaPartition(topic, 0): 3})
    findings = {finding.what: finding for finding in inspect_cluster(settings, clock=lambda: time.time() - 600)}
    assert findings["lag"].state is State.WARNING, findings["lag"]
    assert "retention removed 2 more" in findings["lag"].message
    assert findings["lag"].message.startswith("2 records")
    assert findings["clock"].state is State.WARNING, findings["clock"]


def test_neptune_in_order(neptune: NeptuneProxy) -> None:
    """Its version and clock are told; it is read and written, and nothing is left in it."""
    code, result, findings = check("graph", "--graph", neptune.url)
    assert (code, result["message"]) == (0, "reached, authenticated, reads and writes"), result
    assert findings["version"]["message"] == "Neptune 1.4.8.0.R1, TinkerPop 3.7.1"
    assert findings["clock"]["state"] == "ok", findings
    assert neptune.stats()["requests"]["writes"] == 1, "the right to write is tried by writing"
    assert neptune.backend.query("g.V().count()") == [0], "nothing is left behind"


def test_neptune_that_takes_no_writes(neptune: NeptuneProxy) -> None:
    """A replica's role is told, beside the refusal."""
    neptune.faults(read_only=True)
    code, _, findings = check("graph", "--graph", neptune.url)
    assert (code, findings["role"]["state"]) == (1, "failed"), findings


def test_neptune_that_denies(neptune: NeptuneProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key is told as denied access, with the clock, as that may be the reason."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    code, result, findings = check("graph", "--graph", neptune.url)
    assert (code, result["ok"]) == (1, False), result
    assert "denies access" in result["message"] or "403" in result["message"], result
    assert "returned 403" in findings["status"]["message"], findings
    assert findings["clock"]["state"] == "ok", findings


@pytest.mark.parametrize(("ahead_s", "state"), [(0, State.OK), (60, State.WARNING), (-400, State.FAILED)])
def test_clock_against_neptunes(neptune: NeptuneProxy, ahead_s: float, state: State) -> None:
    """A minute off is odd, five minutes are more than a signature may be old."""
    found = neptune_status.inspect_neptune(Address.parse(neptune.url), clock=lambda: time.time() + ahead_s)
    assert {finding.what: finding.state for finding in found}["clock"] is state, found
