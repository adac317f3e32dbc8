"""What is different with brokers since Kafka 4.0, and that it costs no event."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import closing

import pytest
from kafka import KafkaProducer
from kafka.errors import InvalidTimestampError

from consumer.checks.kafka_cluster import inspect_cluster
from consumer.kafka import topic_admin
from consumer.kafka.topic_reader import browse
from tests.support.brokers.both_brokers import KafkaKit
from tests.support.processes.command_line import headwater
from tests.support.processes.servers import KafkaBroker

pytestmark = pytest.mark.timeout(120)

HOURS_MS = 2 * 3600 * 1000


def send(broker: KafkaBroker, topic: str, offset_ms: int) -> None:
    """Writes a record as a producer does whose clock is so far from the broker's."""
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, retries=0)) as producer:
        producer.send(topic, value=b"{}", timestamp_ms=int(time.time() * 1000) + offset_ms).get(30)


def test_check_reads_records_without_a_time(kafka_4_broker: KafkaBroker) -> None:
    """The emitter sends those if the broker refuses its clock's time."""
    kit = KafkaKit(kafka_4_broker)
    settings = kit.settings(topic=kit.topic(), dead_letter_topic=kit.topic(), group_id=str(uuid.uuid4()))
    with closing(KafkaProducer(bootstrap_servers=kafka_4_broker.bootstrap)) as producer:
        producer.send(settings.topic, value=b"{}", timestamp_ms=-1).get(30)
    findings = {finding.what: finding for finding in inspect_cluster(settings)}
    assert findings["reading"].message == "the newest records have no time"


@pytest.mark.each_kafka
@pytest.mark.parametrize("offset_ms", [HOURS_MS, -HOURS_MS, 0])
def test_wrong_clock_of_a_producer(kafka_broker: KafkaBroker, offset_ms: int) -> None:
    """A topic of ours takes its records, and gives them the time at which they came."""
    kit = KafkaKit(kafka_broker)
    name = kit.topic()
    settings = kit.settings(topic=f"{name}.new", dead_letter_topic=f"{name}.dead")
    assert [outcome.created for outcome in topic_admin.create_topics(settings)] == [True, True]
    before = int(time.time() * 1000)
    for topic in (settings.topic, settings.dead_letter_topic):
        send(kafka_broker, topic, offset_ms)
        (record,) = browse(settings, topic)
        assert before <= record.timestamp_ms <= int(time.time() * 1000)


def test_check_warns_of_a_topic_that_refuses_wrong_clocks(
    kafka_4_broker: KafkaBroker, kafka_3_broker: KafkaBroker
) -> None:
    """With the broker's defaults a record two hours ahead is refused since 4.0, and `check` says what to set."""
    for broker, refuses in ((kafka_4_broker, True), (kafka_3_broker, False)):
        name, dead = broker.create_topic(), broker.create_topic()
        if refuses:
            with pytest.raises(InvalidTimestampError):
                send(broker, name, HOURS_MS)
        else:
            send(broker, name, HOURS_MS)
        env = {
            "HEADWATER_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap,
            "HEADWATER_KAFKA__TOPIC": name,
            "HEADWATER_KAFKA__DEAD_LETTER_TOPIC": dead,
        }
        (found,) = json.loads(headwater("check", "kafka", "--json", env=env).stdout)
        words = json.dumps(found)
        assert ("set message.timestamp.type to LogAppendTime" in words) == refuses, words
        assert ("Kafka 4." in words) == refuses, words
