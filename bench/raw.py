"""The raw limits: what kafka-python can read, and what a Gremlin server can merge, with nothing of ours in between."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import Direction, Merge, T
from kafka import KafkaConsumer, TopicPartition

MERGES_PER_REQUEST = 40


def read_rate(bootstrap: str, topic: str, records: int) -> float:
    """Records per second of a bare loop over a topic from its beginning."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))])
    try:
        seen = sum(map(len, consumer.poll(timeout_ms=30_000, max_records=1).values()))
        began = time.perf_counter()
        while seen < records:
            seen += sum(map(len, consumer.poll(timeout_ms=30_000, max_records=500).values()))
        return records / (time.perf_counter() - began)
    finally:
        consumer.close()


def merge_rate(url: str, vertices: int, edges: int) -> float:
    """Elements per second of `mergeV` and `mergeE` by id, forty in a request, on one connection.

    Vertices get five properties, as ours have on the average.
    """
    connection = DriverRemoteConnection(url, "g", pool_size=1)
    g = traversal().with_remote(connection)
    try:
        began = time.perf_counter()
        for numbers in _batched(range(vertices)):
            query = g.inject(0)
            for number in numbers:
                on_create = {T.label: "raw", **{f"property_{n}": f"value {number}" for n in range(5)}}
                query = query.merge_v({T.id: f"raw/{number}"}).option(Merge.on_create, on_create)
            query.iterate()
        for numbers in _batched(range(edges)):
            query = g.inject(0)
            for number in numbers:
                ends = {Direction.OUT: f"raw/{number % vertices}", Direction.IN: f"raw/{number * 7 % vertices}"}
                on_create = {T.label: "raw_edge", **ends}
                query = query.merge_e({T.id: f"raw_edge/{number}"}).option(Merge.on_create, on_create)
            query.iterate()
        return (vertices + edges) / (time.perf_counter() - began)
    finally:
        connection.close()


def _batched(numbers: Sequence[int]) -> Iterator[list[int]]:
    waiting = iter(numbers)
    while some := list(islice(waiting, MERGES_PER_REQUEST)):
        yield some
