"""Where a member of a group under `latest` begins, as seen by one that another member gets ahead of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import SimpleNamespace

from kafka import errors
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from consumer.config.settings import KafkaSettings
from consumer.kafka.offset_reset import OffsetReset

TOPIC = [KafkaPartition("events", number) for number in range(4)]
NEW, END = TOPIC[3], 7


class Consumer:
    """A topic in which every partition ends at 7, and a group whose first member commits while another one asks.

    Args:
        commits_at: The question about a committed offset before which the first member commits; none if it is None.
        commits: What it commits for.
    """

    def __init__(self, commits_at: int | None, commits: Collection[KafkaPartition]) -> None:
        self._cluster = SimpleNamespace(partitions_for_topic=lambda _: {each.partition for each in TOPIC})
        self._commits_at = commits_at
        self._commits = commits
        self._asked = 0
        self.kept: dict[KafkaPartition, int] = {}
        self.at: dict[KafkaPartition, int] = {}

    def committed(self, partition: KafkaPartition, timeout_ms: int) -> int | None:  # noqa: ARG002 -- the library's name
        """What the group has committed."""
        if self._asked == self._commits_at:
            self.kept = dict.fromkeys(self._commits, END)
        self._asked += 1
        return self.kept.get(partition)

    def beginning_offsets(self, partitions: Collection[KafkaPartition], timeout_ms: int) -> dict[KafkaPartition, int]:  # noqa: ARG002
        """The first offsets."""
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions: Collection[KafkaPartition], timeout_ms: int) -> dict[KafkaPartition, int]:  # noqa: ARG002
        """The ends."""
        return dict.fromkeys(partitions, END)

    def commit(self, offsets: Mapping[KafkaPartition, OffsetAndMetadata], timeout_ms: int) -> None:  # noqa: ARG002
        """Keeps offsets."""
        self.kept |= {partition: told.offset for partition, told in offsets.items()}

    def assignment(self) -> set[KafkaPartition]:
        """All partitions, for all that is asked here."""
        return set(TOPIC)

    def seek(self, partition: KafkaPartition, offset: int) -> None:
        """Goes on there."""
        self.at[partition] = offset


def begun(consumer: Consumer, *partitions: KafkaPartition) -> dict[KafkaPartition, int]:
    """Where a member begins to read these."""
    settings = KafkaSettings(topic="events", auto_offset_reset="latest")
    positions = OffsetReset(consumer, settings, lambda *_: None, lambda _: None)
    positions.recover(errors.NoOffsetForPartitionError(partitions))
    return consumer.at


def test_the_first_commits_for_all() -> None:
    """It skips what is there, in its own partitions and in those of who comes after it."""
    consumer = Consumer(None, ())
    assert begun(consumer, TOPIC[0]) == {TOPIC[0]: END}
    assert consumer.kept == dict.fromkeys(TOPIC, END)


def test_a_commit_between_two_questions() -> None:
    """Partitions that were asked about before the first member committed are not taken for new ones."""
    for question in range(len(TOPIC)):
        assert begun(Consumer(question, TOPIC), TOPIC[0], TOPIC[1]) == {TOPIC[0]: END, TOPIC[1]: END}, question


def test_a_partition_that_was_added() -> None:
    """It has no commit beside others that have one, however often it is asked about."""
    assert begun(Consumer(0, TOPIC[:3]), TOPIC[2], NEW) == {TOPIC[2]: END, NEW: 0}
