#!/usr/bin/env bash
# Kafka 4 refuses a record whose timestamp is more than an hour ahead of the broker's clock; Kafka 3.9 takes it.
#
# Tool: org.apache.kafka:kafka_2.13 3.9.1 and 4.4.0 (Maven), each with its default settings of topics; kafka-python 3.0.12 (PyPI).
# Input: a record whose CreateTime is two hours ahead, as a producer in a container with a wrong clock sends it.
# Guess: as CreateTime is the producer's own, a broker's upgrade does not change what it takes.
# Observed: the default of message.timestamp.after.max.ms went from "no limit" to one hour. The same producer call fails with
# InvalidTimestampError, for a topic that nobody has changed. A record two hours behind is taken by both.
# Why it matters: after the upgrade a lineage producer with a wrong clock loses all its events, where it was harmless before.
# With message.timestamp.type=LogAppendTime the broker's own time counts, and the record is taken.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> Kafka 3.9.1: two hours ahead taken, two hours behind taken, ahead with LogAppendTime taken
#> Kafka 4.4.0: two hours ahead InvalidTimestampError, two hours behind taken, ahead with LogAppendTime taken
. "$(dirname "$0")/common.sh"
install kafka-python==3.0.12
cat >produce.py <<'PYTHON'
import sys
import time

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError

version, server = sys.argv[1:]
two_hours = 2 * 60 * 60 * 1000
now = int(time.time() * 1000)
with KafkaAdminClient(bootstrap_servers=server) as admin:
    admin.create_topics({
        "default": {"num_partitions": 1, "replication_factor": 1},
        "append": {"num_partitions": 1, "replication_factor": 1, "configs": {"message.timestamp.type": "LogAppendTime"}},
    })


def outcome(topic, timestamp):
    # A producer for each record, so that no error is that of an earlier one.
    with KafkaProducer(bootstrap_servers=server) as producer:
        try:
            producer.send(topic, b"event", timestamp_ms=timestamp).get(timeout=60)
        except KafkaError as error:
            return type(error).__name__
    return "taken"


ahead, behind = outcome("default", now + two_hours), outcome("default", now - two_hours)
print(f"Kafka {version}: two hours ahead {ahead}, two hours behind {behind}, "
      f"ahead with LogAppendTime {outcome('append', now + two_hours)}")
PYTHON

for version in 3.9.1 4.4.0; do
  start_kafka "$version"
  quietly venv/bin/python -W ignore produce.py "$version" "$kafka"
  stop_server
done >seen
compare
