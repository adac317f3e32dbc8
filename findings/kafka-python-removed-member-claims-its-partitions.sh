#!/usr/bin/env bash
# kafka-python's cooperative-sticky assignor leaves a partition without an owner after a member was removed and joins again.
#
# Tool: kafka-python 3.0.12 (PyPI) against org.apache.kafka:kafka_2.13 4.4.0 (Maven).
# Input: a topic of two partitions, one consumer with CooperativeStickyAssignor that owns both. Its membership ends, as after a
# pause longer than its session (here by remove_group_members). It and a new consumer are polled, and join in one rebalance.
# Guess: the member lost all it had, so the two partitions are free, and each consumer gets one.
# Observed: the group is stable, one consumer has a partition, and the other partition belongs to nobody, until some later
# rebalance. When it joins, the removed consumer still names both partitions as its own, although it has called
# on_partitions_lost for them; the leader holds one back until it is revoked, and nobody is left to revoke it.
# Why it matters: records of that partition are not read, without an error or a log line in either consumer, and a metric of the
# lag of assigned partitions does not show it. Kafka's Java client names what the consumer owns at that moment; an assignor whose
# metadata() does so cures it.
# Needs a JDK 17 and Maven. The broker listens on loopback.
#
#> two new consumers: stable, partitions of each: [1, 1], without an owner: 0
#> one was removed and joins again: stable, partitions of each: [0, 1], without an owner: 1
. "$(dirname "$0")/common.sh"
install kafka-python==3.0.12
cat >group.py <<'PYTHON'
import sys
import threading
import time

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.admin import MemberToRemove
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import CoordinatorNotAvailableError

server = sys.argv[1]
admin = KafkaAdminClient(bootstrap_servers=server)


def consumer(topic):
    return KafkaConsumer(
        topic,
        bootstrap_servers=server,
        group_id=topic,
        enable_auto_commit=False,
        heartbeat_interval_ms=300,
        partition_assignment_strategy=[CooperativeStickyAssignor],
    )


def group(name):
    try:
        found = admin.describe_groups([name])[name]
    except CoordinatorNotAvailableError:  # until the broker's first group has joined
        return "", []
    return found["group_state"], [member["member_id"] for member in found["members"]]


def poll(consumer, stop):
    while not stop.is_set():
        consumer.poll(timeout_ms=1000)


for what, removes in (("two new consumers", False), ("one was removed and joins again", True)):
    topic = f"events-{removes}"
    admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 1}})
    first = consumer(topic)
    if removes:
        while len(first.assignment()) < 2:
            first.poll(timeout_ms=1000)
        admin.remove_group_members(topic, [MemberToRemove(member) for member in group(topic)[1]])
    second, stop = consumer(topic), threading.Event()
    threads = [threading.Thread(target=poll, args=(each, stop)) for each in (first, second)]
    for thread in threads:
        thread.start()
    while group(topic)[0] != "Stable" or len(group(topic)[1]) < 2:
        time.sleep(0.5)
    # Long after the last rebalance: a stable group of two, and nothing more to come.
    time.sleep(15)
    counts = sorted(len(each.assignment()) for each in (first, second))
    print(f"{what}: {group(topic)[0].lower()}, partitions of each: {counts}, without an owner: {2 - sum(counts)}")
    stop.set()
    for thread in threads:
        thread.join()
    first.close()
    second.close()
PYTHON

start_kafka 4.4.0
quietly venv/bin/python -W ignore group.py "$kafka" >seen
compare
