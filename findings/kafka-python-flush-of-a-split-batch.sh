#!/usr/bin/env bash
# kafka-python's flush() fails while a batch is split, although every record of it is delivered.
#
# Tool: kafka-python 3.0.12 (PyPI) against org.apache.kafka:kafka_2.13 4.4.0 (Maven).
# Input: five records of 400 bytes, each below its topic's max.message.bytes of 1000, that are collected in one batch; then
# flush(), then the future of each record.
# Guess: the broker refuses the batch for its size, the client splits it and sends the parts, as it says it does, and flush()
# returns when the parts are acknowledged.
# Observed: flush() raises UnknownError "Future not done" at once. The parts are sent, and all five futures succeed.
# Why it matters: who takes flush() for the outcome sends all records again, and has them twice. It comes with a batch_size above
# the topic's limit, so after a good setting for throughput, on the first topic with a small limit. Wait for each record's future.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> idempotent=False: flush UnknownError, futures taken taken taken taken taken, records in the topic 5
#> idempotent=True: flush UnknownError, futures taken taken taken taken taken, records in the topic 5
. "$(dirname "$0")/common.sh"
install kafka-python==3.0.12
cat >produce.py <<'PYTHON'
import sys

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

server = sys.argv[1]


def outcome(wait):
    try:
        wait()
    except KafkaError as error:
        return type(error).__name__
    return "taken"


for idempotent in (False, True):
    topic = f"events-{idempotent}"
    with KafkaAdminClient(bootstrap_servers=server) as admin:
        configs = {"max.message.bytes": "1000"}
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
    with KafkaProducer(bootstrap_servers=server, enable_idempotence=idempotent, linger_ms=500) as producer:
        futures = [producer.send(topic, bytes([number]) * 400) for number in range(5)]
        flushed = outcome(producer.flush)
        each = " ".join(outcome(lambda future=future: future.get(timeout=60)) for future in futures)
    with KafkaConsumer(bootstrap_servers=server) as consumer:
        partition = TopicPartition(topic, 0)
        count = consumer.end_offsets([partition])[partition]
    print(f"idempotent={idempotent}: flush {flushed}, futures {each}, records in the topic {count}")
PYTHON

start_kafka 4.4.0
quietly venv/bin/python -W ignore produce.py "$kafka" >seen
compare
