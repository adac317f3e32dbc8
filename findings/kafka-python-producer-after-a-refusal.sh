#!/usr/bin/env bash
# kafka-python's idempotent producer sends nothing more after one record that the broker refuses.
#
# Tool: kafka-python 3.0.12 (PyPI) against org.apache.kafka:kafka_2.13 4.4.0 (Maven).
# Input: one producer sends a small record, one that is larger than its topic's max.message.bytes, and small ones again, to
# the same topic and to another one; with enable_idempotence and without.
# Guess: the large record's future fails with MessageSizeTooLargeError, and all others succeed, as each record is on its own.
# Observed: without idempotence that is so. With it, every later send of this producer, to any topic, fails with the error of
# that one record. Only a new producer helps.
# Why it matters: a lineage producer lives for weeks, and one event with a huge SQL text ends it. The later errors name a fault
# that the later events do not have. After a refusal, replace the producer.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> enable_idempotence=False: small taken, large MessageSizeTooLargeError, small taken, other topic taken
#> enable_idempotence=True: small taken, large MessageSizeTooLargeError, small MessageSizeTooLargeError, other topic MessageSizeTooLargeError
#> a new producer: small taken
. "$(dirname "$0")/common.sh"
install kafka-python==3.0.12
cat >produce.py <<'PYTHON'
import sys

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

server = sys.argv[1]
with KafkaAdminClient(bootstrap_servers=server) as admin:
    admin.create_topics({
        "events": {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "1000"}},
        "other": {"num_partitions": 1, "replication_factor": 1},
    })


def outcome(producer, topic, value):
    try:
        producer.send(topic, value).get(timeout=60)
    except KafkaError as error:
        return type(error).__name__
    return "taken"


for idempotent in (False, True):
    with KafkaProducer(bootstrap_servers=server, enable_idempotence=idempotent) as producer:
        first, large = outcome(producer, "events", b"small"), outcome(producer, "events", b"x" * 5000)
        second, other = outcome(producer, "events", b"small"), outcome(producer, "other", b"small")
    print(f"enable_idempotence={idempotent}: small {first}, large {large}, small {second}, other topic {other}")
with KafkaProducer(bootstrap_servers=server, enable_idempotence=True) as producer:
    print(f"a new producer: small {outcome(producer, 'events', b'small')}")
PYTHON

start_kafka 4.4.0
quietly venv/bin/python -W ignore produce.py "$kafka" >seen
compare
