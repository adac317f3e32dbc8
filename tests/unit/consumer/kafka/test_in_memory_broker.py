"""What the embedded broker does beyond the contract of all brokers."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

import pytest

from consumer.errors import TransientError, UsageError
from consumer.processing.record import TopicPartition
from tests.support.brokers.in_memory_broker import Broker, MemoryProducer, MemorySource


def nobody(_: Collection[TopicPartition]) -> None:
    """Does not mind what is revoked."""


def test_file_outlives_the_broker(tmp_path: Path) -> None:
    """Topics, records with headers, and commits are there again."""
    with closing(Broker(tmp_path / "log.db", clock=lambda: 1.5)) as broker:
        assert broker.create_topic("t", 2)
        MemoryProducer(broker).write("t", [(None, b"a", (("h", b"1"),)), (None, b"b", ())])
        source = MemorySource(broker, "t", "g")
        source.subscribe(nobody)
        source.poll(0, 10)
        source.commit({TopicPartition("t", 0): 1})
    with closing(Broker(tmp_path / "log.db")) as broker:
        assert not broker.create_topic("t", 7), "it is left as it is"
        assert broker.partitions("t") == 2
        first = next(broker.browse("t"))
        assert (first.value, first.headers, first.timestamp_ms) == (b"a", (("h", b"1"),), 1500)
        source = MemorySource(broker, "t", "g")
        source.subscribe(nobody)
        assert [record.value for record in source.poll(0, 10)] == [b"b"]


def test_commit_of_anothers_partition_is_refused() -> None:
    """As on Kafka, only the owner commits; all of a commit or nothing of it is kept."""
    with closing(Broker()) as broker:
        broker.create_topic("t", 2)
        one, two = MemorySource(broker, "t", "g"), MemorySource(broker, "t", "g")
        one.subscribe(nobody)
        two.subscribe(nobody)
        one.poll(0, 1)
        two.poll(0, 1)
        with pytest.raises(TransientError, match=r"t\[1\] is no longer this member's"):
            one.commit({TopicPartition("t", 0): 1, TopicPartition("t", 1): 1})
        assert broker.committed("g", TopicPartition("t", 0)) is None


def test_unusable_file_is_named(tmp_path: Path) -> None:
    """What is no log is not overwritten."""
    path = tmp_path / "text.txt"
    path.write_text("something else, and long enough to be read as a header of a database file")
    with pytest.raises(UsageError, match=r"text\.txt can't be used"):
        Broker(path)
    with pytest.raises(UsageError, match="topic t does not exist"):
        Broker().append("t", [])


def test_deleted_topic_is_waited_for() -> None:
    """A member of a topic that is deleted fails until there is one of its name again."""
    with closing(Broker()) as broker:
        broker.create_topic("t")
        source = MemorySource(broker, "t", "g")
        source.subscribe(nobody)
        broker.delete_topic("t")
        with pytest.raises(TransientError, match="topic t is gone"):
            source.poll(0, 10)
        broker.create_topic("t")
        assert source.poll(0, 10) == []
