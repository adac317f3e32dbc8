"""Where a member reads on when Kafka has no answer: no committed offset, or one that the topic does not have.

The library's own answer, `auto_offset_reset`, skips what retention took without a word, and reads a topic that was made
anew from the middle. So it is told to have none, and raises what is answered here.
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
from consumer.processing.ports import OnLost
from consumer.processing.record import TopicPartition

LIBRARY_POLICY: Final = "none"
"""The library's `auto_offset_reset` under which it asks us."""

ASK_MS: Final = 15_000
"""How long one question about offsets may take, in milliseconds."""

_log = structlog.get_logger(__name__)


class Positions:
    """Mends the positions of a consumer; used by the thread that polls.

    Args:
        consumer: The library's.
        settings: What to do, in `auto_offset_reset` and `on_lost_offsets`.
        on_lost: Told of records that the group will not read.
        on_back: Told of partitions that are read again from an earlier offset; what is in hand of them is void.
    """

    def __init__(
        self,
        consumer: Any,
        settings: KafkaSettings,
        on_lost: OnLost,
        on_back: Callable[[Collection[TopicPartition]], None],
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._on_lost = on_lost
        self._on_back = on_back
        self._topic_id: object = None
        self._cluster = consumer._cluster  # noqa: SLF001 -- the one place that has what the last metadata said

    def mend(self, error: errors.KafkaError) -> None:
        """Answers what a poll raised; the next one goes on.

        Raises:
            UsageError: `on_lost_offsets` is stop.
            KafkaError: It is about something else, or the broker does not answer.
        """
        match error:
            case errors.NoOffsetForPartitionError():
                self._begin(error.args[0])
            case errors.OffsetOutOfRangeError():
                self._resume(error.args[0])
            case errors.LogTruncationError():
                self._cut(error.divergent_offsets)
            case _:
                raise error

    def watch(self) -> None:
        """Looks whether the topic is still the one that it was; another one of its name is begun anew.

        Raises:
            UnknownTopicOrPartitionError: There is none of its name any more.
            UsageError: `on_lost_offsets` is stop.
        """
        # No request: what the last metadata said. Brokers before 2.8 give topics no ids, and this sees nothing there.
        topic = self._settings.topic
        found = self._cluster.topic_id(topic)
        if found is None:
            if self._topic_id is not None:
                raise errors.UnknownTopicOrPartitionError(f"topic {topic} is gone; it is waited for")
            return
        if self._topic_id not in {None, found}:
            # Reading on would leave out as many records of the new one as were read of the old one.
            self._resume(dict.fromkeys(self._consumer.assignment()), anew=True)
        self._topic_id = found

    def lag(self) -> dict[TopicPartition, int]:
        """What `Source.lag` promises, from what fetches have told."""
        found = {}
        for partition in self._consumer.assignment():
            # The public `position` would ask the broker for what it does not know.
            state = self._consumer._subscription.assignment.get(partition)  # noqa: SLF001
            if state is not None and state.position is not None and state.highwater is not None:
                found[TopicPartition(*partition)] = max(0, state.highwater - state.position.offset)
        return found

    def position(self, place: TopicPartition) -> int:
        """The offset of the next record to give; 0 if it is not known. Asks nobody."""
        state = self._consumer._subscription.assignment.get(KafkaPartition(*place))  # noqa: SLF001 -- as in `lag`
        return state.position.offset if state is not None and state.position is not None else 0

    def _begin(self, partitions: Collection[KafkaPartition]) -> None:
        """No committed offset: the group is new, or the partition is."""
        found = self._founded(partitions) if self._settings.auto_offset_reset == "latest" else {}
        rest = [partition for partition in partitions if partition not in found]
        begins = self._consumer.beginning_offsets(rest, timeout_ms=ASK_MS) if rest else {}
        for partition, offset in {**begins, **found}.items():
            if partition in partitions:
                self._seek(partition, offset)

    def _founded(self, partitions: Collection[KafkaPartition]) -> dict[KafkaPartition, int]:
        """What a group that begins at the end has committed; of a new group, the ends.

        The first member to come commits them for the whole topic. So a partition that is missing was added later, and
        is read from its first record; and what comes after the ends is not left out by who comes after a crash.
        """
        known = self._cluster.partitions_for_topic(self._settings.topic) or ()
        every = {*partitions, *(KafkaPartition(self._settings.topic, number) for number in known)}
        found = self._committed(every)
        if not found:
            found = self._consumer.end_offsets(list(every), timeout_ms=ASK_MS)
            self._commit(found)
        # They are asked for one by one, and the first member's commit, which is one for all, may have come in between.
        return {**self._committed(every - found.keys()), **found}

    def _committed(self, partitions: Collection[KafkaPartition]) -> dict[KafkaPartition, int]:
        asked = {each: self._consumer.committed(each, timeout_ms=ASK_MS) for each in sorted(partitions)}
        return {partition: offset for partition, offset in asked.items() if offset is not None}

    def _resume(self, positions: Mapping[KafkaPartition, int | None], *, anew: bool = False) -> None:
        """The topic does not have these offsets."""
        begins = self._consumer.beginning_offsets(list(positions), timeout_ms=ASK_MS) if positions else {}
        ends = self._consumer.end_offsets(list(positions), timeout_ms=ASK_MS) if positions else {}
        for partition, at in positions.items():
            position = at if at is not None else self.position(TopicPartition(*partition))
            self._go_on(LostOffset(TopicPartition(*partition), position, begins[partition], ends[partition], anew))

    def _go_on(self, found: LostOffset) -> None:
        partition = KafkaPartition(*found.place)
        resumed = found.resume(self._settings.on_lost_offsets)
        backwards = found.anew or resumed < found.position
        if backwards:
            self._on_back({found.place})
        if backwards or self._consumer.committed(partition, timeout_ms=ASK_MS) == found.position:
            # Nothing is in hand, so that the commit passes over nothing; with it, a restart tells of no loss twice.
            self._commit({partition: resumed})
        self._seek(partition, resumed)
        found.tell(resumed, self._settings.on_lost_offsets, self._on_lost)

    def _cut(self, divergent: Mapping[KafkaPartition, OffsetAndMetadata | None]) -> None:
        """A leader was elected that lacks the last records that were read; what it has beyond is new."""
        for partition, common in divergent.items():
            if common is None or self._settings.on_lost_offsets == "stop":
                self._resume({partition: None})
                continue
            place = TopicPartition(*partition)
            _log.warning(
                f"{place}: the new leader lacks the last records that were read; they stay, and reading goes on where"
                " its own begin",
                position=self.position(TopicPartition(*partition)),
                going_on_at=common.offset,
            )
            self._on_back({place})
            self._seek(partition, common.offset)

    def _commit(self, offsets: Mapping[KafkaPartition, int]) -> None:
        named = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}
        self._consumer.commit(named, timeout_ms=ASK_MS)

    def _seek(self, partition: KafkaPartition, offset: int) -> None:
        if partition in self._consumer.assignment():  # a rebalance may have come between
            self._consumer.seek(partition, offset)
