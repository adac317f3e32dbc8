"""Reads a topic from its first record to its last, as a person would: without a group, and without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.structs import TopicPartition as KafkaPartition

from consumer.errors import TransientError, UsageError
from consumer.kafka.connection import MAX_MESSAGE_BYTES, client_options, talking
from consumer.kafka.diagnosis import diagnose
from consumer.kafka.record import Record
from consumer.kafka.source import record_of
from consumer.setting_groups import KafkaSettings

SILENCE_S = 20.0
"""Seconds without a record, short of the end, after which reading is given up."""


def browse(settings: KafkaSettings, topic: str) -> Iterator[Record]:
    """Every record that the topic holds at the moment of the call, partition by partition.

    Raises:
        UsageError: The cluster refuses, or there is no such topic.
        TransientError: The broker is away.
    """
    diagnosis = diagnose(settings, (topic,))
    if not diagnosis.ok:
        raise (TransientError if diagnosis.problem.transient else UsageError)(diagnosis.words)
    options = client_options(settings) | {
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "max_partition_fetch_bytes": 2 * MAX_MESSAGE_BYTES,
        "metrics_enabled": False,
    }
    with talking(f"reading of topic {topic}", settings):
        consumer = KafkaConsumer(**options)
        try:
            for number in sorted(consumer.partitions_for_topic(topic) or ()):
                yield from _partition(consumer, KafkaPartition(topic, number))
        finally:
            consumer.close(autocommit=False)


def _partition(consumer: Any, partition: KafkaPartition) -> Iterator[Record]:
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    consumer.seek_to_beginning(partition)
    # The position moves over what is compacted or aborted, too; the last record's offset may not be the end.
    while (at := consumer.position(partition)) is not None and at < end:
        found = consumer.poll(timeout_ms=int(SILENCE_S * 1000)).get(partition, [])
        if not found and consumer.position(partition) == at:
            raise TransientError(f"{partition.topic}[{partition.partition}]@{at}: nothing comes, but the end is {end}")
        yield from (record_of(raw) for raw in found if raw.offset < end)
