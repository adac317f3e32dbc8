"""Resets offsets that Kafka can't serve: a partition without a committed offset, or with one that the topic lacks.

The library's own policy, `auto_offset_reset`, skips records that retention removed without reporting it, and reads a
recreated topic from the middle. So the library runs with no policy, and this module handles the errors it raises.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import structlog
from kafka import errors
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from consumer.config.settings import KafkaSettings
from consumer.kafka.lost_offset import LostOffset
from consumer.processing.ports import OnRecordsLost
from consumer.processing.record import TopicPartition

NO_RESET_POLICY: Final = "none"
"""The library's `auto_offset_reset` under which it raises instead of resetting."""

REQUEST_TIMEOUT_MS: Final = 15_000
"""Milliseconds for one request for offsets."""

_log = structlog.get_logger(__name__)


class OffsetReset:
    """Corrects the positions of a consumer; used by the thread that polls.

    Args:
        consumer: The library's consumer.
        settings: The policies `auto_offset_reset` and `on_lost_offsets`.
        on_lost: Called for records that the group will never read.
        on_rewind: Called with partitions that are read again from an earlier offset; their uncommitted records are
            void.
    """

    def __init__(
        self,
        consumer: Any,
        settings: KafkaSettings,
        on_lost: OnRecordsLost,
        on_rewind: Callable[[Collection[TopicPartition]], None],
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._on_lost = on_lost
        self._on_rewind = on_rewind
        self._topic_id: object = None
        self._cluster = consumer._cluster  # noqa: SLF001 -- the only access to the latest metadata

    def recover(self, error: errors.KafkaError) -> None:
        """Handles an error of a poll, so that the next poll continues.

        Raises:
            UsageError: `on_lost_offsets` is stop.
            KafkaError: The error is of another kind, or the broker does not respond.
        """
        match error:
            case errors.NoOffsetForPartitionError():
                self._start_uncommitted(error.args[0])
            case errors.OffsetOutOfRangeError():
                self._reset(error.args[0])
            case errors.LogTruncationError():
                self._recover_truncation(error.divergent_offsets)
            case _:
                raise error

    def detect_recreated_topic(self) -> None:
        """Compares the topic's id with the former one; a recreated topic is read from its start.

        Raises:
            UnknownTopicOrPartitionError: The topic was deleted.
            UsageError: `on_lost_offsets` is stop.
        """
        # From the latest metadata, without a request. Brokers before 2.8 have no topic ids, and nothing is detected.
        topic = self._settings.topic
        found = self._cluster.topic_id(topic)
        if found is None:
            if self._topic_id is not None:
                raise errors.UnknownTopicOrPartitionError(f"topic {topic} was deleted; waiting for it to be recreated")
            return
        if self._topic_id not in {None, found}:
            # Otherwise as many records of the new topic would be skipped as were read of the old one.
            self._reset(dict.fromkeys(self._consumer.assignment()), topic_recreated=True)
        self._topic_id = found

    def lag(self) -> dict[TopicPartition, int]:
        """Returns what `Source.lag` returns, from the latest fetches."""
        found = {}
        for partition in self._consumer.assignment():
            # The public `position` would send a request for an unknown position.
            state = self._consumer._subscription.assignment.get(partition)  # noqa: SLF001
            if state is not None and state.position is not None and state.highwater is not None:
                found[TopicPartition(*partition)] = max(0, state.highwater - state.position.offset)
        return found

    def position(self, topic_partition: TopicPartition) -> int:
        """Returns the offset of the next record to return; 0 if unknown. Makes no request."""
        state = self._consumer._subscription.assignment.get(KafkaPartition(*topic_partition))  # noqa: SLF001 -- as in `lag`
        return state.position.offset if state is not None and state.position is not None else 0

    def _start_uncommitted(self, partitions: Collection[KafkaPartition]) -> None:
        """Starts partitions without a committed offset: of a new group, or new themselves."""
        found = self._start_offsets_at_latest(partitions) if self._settings.auto_offset_reset == "latest" else {}
        rest = [partition for partition in partitions if partition not in found]
        begins = self._consumer.beginning_offsets(rest, timeout_ms=REQUEST_TIMEOUT_MS) if rest else {}
        for partition, offset in {**begins, **found}.items():
            if partition in partitions:
                self._seek(partition, offset)

    def _start_offsets_at_latest(self, partitions: Collection[KafkaPartition]) -> dict[KafkaPartition, int]:
        """Returns the committed offsets of a group that starts at the end; of a new group, the ends.

        The first member commits them for the whole topic. So a partition without an offset was added later and is read
        from its first record; and records after the ends are not skipped by a member that starts after a crash.
        """
        known = self._cluster.partitions_for_topic(self._settings.topic) or ()
        every = {*partitions, *(KafkaPartition(self._settings.topic, number) for number in known)}
        found = self._committed(every)
        if not found:
            found = self._consumer.end_offsets(list(every), timeout_ms=REQUEST_TIMEOUT_MS)
            self._commit(found)
        # Offsets are requested one by one, and the first member's commit, which is one for all, may come in between.
        return {**self._committed(every - found.keys()), **found}

    def _committed(self, partitions: Collection[KafkaPartition]) -> dict[KafkaPartition, int]:
        asked = {each: self._consumer.committed(each, timeout_ms=REQUEST_TIMEOUT_MS) for each in sorted(partitions)}
        return {partition: offset for partition, offset in asked.items() if offset is not None}

    def _reset(self, positions: Mapping[KafkaPartition, int | None], *, topic_recreated: bool = False) -> None:
        """Resumes partitions at offsets that exist."""
        begins = self._consumer.beginning_offsets(list(positions), timeout_ms=REQUEST_TIMEOUT_MS) if positions else {}
        ends = self._consumer.end_offsets(list(positions), timeout_ms=REQUEST_TIMEOUT_MS) if positions else {}
        for partition, at in positions.items():
            position = at if at is not None else self.position(TopicPartition(*partition))
            self._resume_after(
                LostOffset(TopicPartition(*partition), position, begins[partition], ends[partition], topic_recreated)
            )

    def _resume_after(self, found: LostOffset) -> None:
        partition = KafkaPartition(*found.topic_partition)
        resumed = found.resume(self._settings.on_lost_offsets)
        backwards = found.topic_recreated or resumed < found.position
        if backwards:
            self._on_rewind({found.topic_partition})
        if backwards or self._consumer.committed(partition, timeout_ms=REQUEST_TIMEOUT_MS) == found.position:
            # No record is uncommitted, so the commit skips none; and a restart does not report the loss twice.
            self._commit({partition: resumed})
        self._seek(partition, resumed)
        found.report(resumed, self._settings.on_lost_offsets, self._on_lost)

    def _recover_truncation(self, divergent: Mapping[KafkaPartition, OffsetAndMetadata | None]) -> None:
        """Continues after an unclean leader election, where the new leader lacks the last records that were read."""
        for partition, common in divergent.items():
            if common is None or self._settings.on_lost_offsets == "stop":
                self._reset({partition: None})
                continue
            topic_partition = TopicPartition(*partition)
            _log.warning(
                "log truncated by new leader",
                partition=str(topic_partition),
                position=self.position(topic_partition),
                resuming_at=common.offset,
            )
            self._on_rewind({topic_partition})
            self._seek(partition, common.offset)

    def _commit(self, offsets: Mapping[KafkaPartition, int]) -> None:
        named = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}
        self._consumer.commit(named, timeout_ms=REQUEST_TIMEOUT_MS)

    def _seek(self, partition: KafkaPartition, offset: int) -> None:
        if partition in self._consumer.assignment():  # a rebalance may have revoked it meanwhile
            self._consumer.seek(partition, offset)
