"""The raw limits: what kafka-python can read, and what a Gremlin server can merge, with nothing of ours in between."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

from gremlin_python.driver.driver_remote_connection import DriverRemoteConnection
from gremlin_python.process.anonymous_traversal import traversal
from gremlin_python.process.traversal import Direction, Merge, T
from kafka import KafkaConsumer, TopicPartition

from consumer.graph.store import Edge, Vertex

MERGES_PER_REQUEST = 40
LEAST_READ = 10_000
"""Records from which on a rate of reading tells something: compressed ones come by the thousand in one fetch."""

ItemT = TypeVar("ItemT")


def read_rate(bootstrap: str, topic: str, records: int) -> float:
    """Records per second of a bare loop over a topic from its beginning; again and again, where it is short."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    places = [TopicPartition(topic, partition) for partition in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(places)
    for place in places:
        consumer.position(place)  # so that what is asked once at the start is not counted
    passes = -(-LEAST_READ // records)
    try:
        began = time.perf_counter()
        for _ in range(passes):
            consumer.seek_to_beginning()
            seen = 0
            while seen < records:
                seen += sum(map(len, consumer.poll(timeout_ms=30_000, max_records=500).values()))
        return passes * records / (time.perf_counter() - began)
    finally:
        consumer.close()


def merge_rate(url: str, vertices: Sequence[Vertex], edges: Sequence[Edge], **options: object) -> float:
    """Elements per second of `mergeV` and `mergeE` by id, forty in a request, on one connection, without conditions.

    Args:
        url: The server's, as gremlinpython takes it.
        vertices: What is merged first.
        edges: What is merged then.
        options: More for gremlinpython's connection, such as headers.
    """
    connection = DriverRemoteConnection(url, "g", pool_size=1, **options)
    g = traversal().with_remote(connection)
    try:
        began = time.perf_counter()
        for some in _batched(vertices):
            query = g
            for vertex in some:
                made = {T.label: vertex.label, **vertex.properties}
                query = query.merge_v({T.id: vertex.id}).option(Merge.on_create, made)
            query.iterate()
        for group in _batched(edges):
            query = g
            for edge in group:
                ends = {Direction.OUT: edge.source, Direction.IN: edge.target}
                made = {T.label: edge.label, **ends, **edge.properties}
                query = query.merge_e({T.id: edge.id}).option(Merge.on_create, made)
            query.iterate()
        return (len(vertices) + len(edges)) / (time.perf_counter() - began)
    finally:
        connection.close()


def _batched(items: Sequence[ItemT]) -> Iterator[list[ItemT]]:
    waiting = iter(items)
    while some := list(islice(waiting, MERGES_PER_REQUEST)):
        yield some
