"""A group's share of a topic's partitions, and its committed offsets; see `consumer.processing.ports.Source`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any, cast

from kafka import ConsumerRebalanceListener, KafkaConsumer, errors
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from consumer.config.settings import KafkaSettings
from consumer.errors import UsageError
from consumer.kafka.client_options import client_options, translate_errors
from consumer.kafka.connectivity import require_reachable
from consumer.kafka.fetch.fetch_limits import MAX_FETCH_BYTES, MAX_PARTITION_BYTES, bound_fetches
from consumer.kafka.fetch.record_parser import LOG_APPEND_TIME, UnparsedValue
from consumer.kafka.fetch.tolerant_fetcher import install_tolerant_parser
from consumer.kafka.offset_reset import NO_RESET_POLICY, OffsetReset
from consumer.kafka.partition_assignor import OwnedPartitionsAssignor
from consumer.processing.ports import OnRecordsLost, OnRevoked
from consumer.processing.record import Record, TopicPartition

COMMIT_TIMEOUT_S = 15.0
"""Seconds for one commit before it is retried; the library's default is half a minute."""

REBALANCE_TIMEOUT_S = 5.0
"""Seconds that one call spends in a rebalance that does not complete, because another member is busy."""


def _ignore(*_: object) -> None:
    """Ignores a rebalance before the group is joined."""


class GroupConsumer:
    """A member of a consumer group on Kafka: cooperative-sticky, so that a rebalance stops only what moves.

    The library joins, revokes and assigns on its own thread while the caller waits in `poll`, and a commit on that
    thread would deadlock. So revoked partitions are collected there, and passed to `on_revoked` on the caller's thread
    before records are returned.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._offset_reset: OffsetReset  # made with the consumer
        self._listener = _RebalanceListener()
        self._on_revoked: OnRevoked = _ignore
        self._returned: dict[TopicPartition, int] = {}

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnRecordsLost = _ignore) -> None:
        """Joins the group after a diagnosis of the cluster.

        Raises:
            UsageError: Name, certificate, password, permission or topic are wrong.
            TransientError: The broker can't be reached now.
        """
        self._on_revoked = on_revoked
        if self._consumer is not None:
            return
        # The library retries a wrong password forever, and reports only that it was disconnected.
        require_reachable(self._settings)
        with self._translate_errors("joining the group"):
            assignor = OwnedPartitionsAssignor()
            consumer = KafkaConsumer(partition_assignment_strategy=(assignor,), **consumer_options(self._settings))
            assignor.owned = consumer.assignment
            consumer.subscribe([self._settings.topic], listener=self._listener)
        install_tolerant_parser(consumer)
        bound_fetches(consumer)
        self._listener.pause = consumer.pause
        self._offset_reset = OffsetReset(consumer, self._settings, on_lost, on_revoked)
        self._consumer = consumer

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Returns the next records, in order within each partition."""
        self._listener.pause_assigned = False
        if paused := self._consumer.paused():
            self._consumer.resume(*paused)
        with self._translate_errors("reading"):
            self._offset_reset.detect_recreated_topic()
            self._complete_rebalance()
            found = self._fetch(timeout_s, max_records)
            if not found:  # otherwise the records might be revoked before they are returned
                self._complete_rebalance()
        self._notify_revoked()
        given = [to_record(raw) for records in found.values() for raw in records]
        self._returned.update({record.topic_partition: record.offset + 1 for record in given})
        return given

    def heartbeat(self, timeout_s: float) -> None:
        """Polls with all partitions paused, including those that are assigned meanwhile."""
        self._listener.pause_assigned = True
        self._consumer.pause(*self._consumer.assignment())
        with self._translate_errors("keeping the membership"):
            self._complete_rebalance()
            found = self._fetch(timeout_s, 1)
            for partition, records in found.items():
                # Assigned and fetched within one poll, before it could be paused: read it again later.
                self._consumer.seek(partition, records[0].offset)
            self._complete_rebalance()
        self._notify_revoked()

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits and waits for the response.

        Raises:
            TransientError: A rebalance is in progress or the broker is away. Poll or heartbeat, then commit the rest.
        """
        named = {
            KafkaPartition(*topic_partition): OffsetAndMetadata(self._commit_position(topic_partition, offset), "", -1)
            for topic_partition, offset in offsets.items()
        }
        with self._translate_errors("committing"):
            self._consumer.commit(named, timeout_ms=int(COMMIT_TIMEOUT_S * 1000))

    def close(self) -> None:
        """Leaves the group."""
        if self._consumer is None:
            return
        consumer, self._consumer = self._consumer, None
        with self._translate_errors("leaving the group"):
            consumer.close(autocommit=False, timeout_ms=int(COMMIT_TIMEOUT_S * 1000))

    def lag(self) -> Mapping[TopicPartition, int]:
        """Returns the records up to the high watermark."""
        return self._offset_reset.lag() if self._consumer is not None else {}

    def is_member(self) -> bool:
        """True if the group counts the member in, perhaps without a partition; makes no request."""
        consumer = self._consumer
        return consumer is not None and bool(consumer._coordinator.stable())  # noqa: SLF001 -- not public

    def _fetch(self, timeout_s: float, max_records: int) -> Mapping[KafkaPartition, list[Any]]:
        try:
            return cast(
                "Mapping[KafkaPartition, list[Any]]",
                self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records),
            )
        except errors.KafkaError as error:
            self._offset_reset.recover(error)
            return {}

    def _commit_position(self, topic_partition: TopicPartition, offset: int) -> int:
        """Returns the offset to commit, after records that are never returned, such as transaction markers.

        Otherwise the group would appear to lag until another record arrives.
        """
        return (
            max(offset, self._offset_reset.position(topic_partition))
            if offset == self._returned.get(topic_partition)
            else offset
        )

    def _complete_rebalance(self) -> None:
        """Completes a rebalance within one call.

        The library drops the response to its join request if it arrives between two polls, and requests to join again,
        so that members that poll briefly, with writes in between, would send each other through endless rebalances. If
        the request came from new metadata, the library does not repeat it, and is out of the group without knowing.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001 -- what a poll does, but not cut off by its timeout
        if coordinator.rejoining or coordinator.need_rejoin():
            coordinator.request_rejoin()
            coordinator.ensure_active_group(timeout_ms=int(REBALANCE_TIMEOUT_S * 1000))

    def _notify_revoked(self) -> None:
        if gone := self._listener.take():
            self._on_revoked(gone)

    def _translate_errors(self, what: str) -> AbstractContextManager[None]:
        return translate_errors(
            f"{what} of topic {self._settings.topic} as group {self._settings.group_id}", self._settings
        )


def consumer_options(settings: KafkaSettings) -> dict[str, Any]:
    """Returns the keyword arguments of a `KafkaConsumer`, but for its assignor.

    Raises:
        UsageError: The settings contradict each other.
    """
    if settings.session_timeout_s <= settings.heartbeat_interval_s:
        raise UsageError(
            f"kafka.session_timeout_s ({settings.session_timeout_s:g}) must be larger than"
            f" kafka.heartbeat_interval_s ({settings.heartbeat_interval_s:g}); three times as large is usual"
        )
    return client_options(settings) | {
        "group_id": settings.group_id,
        "enable_auto_commit": False,
        "auto_offset_reset": NO_RESET_POLICY,
        # Records of an aborted transaction are not events.
        "isolation_level": "read_committed",
        "metadata_max_age_ms": int(settings.metadata_max_age_s * 1000),
        "session_timeout_ms": int(settings.session_timeout_s * 1000),
        "heartbeat_interval_ms": int(settings.heartbeat_interval_s * 1000),
        "max_poll_interval_ms": int(settings.max_poll_interval_s * 1000),
        "fetch_max_wait_ms": 250,
        "fetch_max_bytes": MAX_FETCH_BYTES,
        "max_partition_fetch_bytes": MAX_PARTITION_BYTES,
        "check_crcs": checks_crcs(settings),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def checks_crcs(settings: KafkaSettings) -> bool:
    """True if each batch's checksum is compared when it is read."""
    if settings.check_crcs == "auto":
        # In Python it takes 0.08 ms for each KB, more than all other work on an event.
        return find_spec("crc32c") is not None
    return settings.check_crcs == "always"


class _RebalanceListener(ConsumerRebalanceListener):  # type: ignore[misc] # the library has no types
    """Collector of revoked partitions; runs on the library's thread while the caller waits in `poll`."""

    def __init__(self) -> None:
        self._gone: deque[TopicPartition] = deque()
        self.pause_assigned = False
        self.pause: Callable[..., None] = _ignore

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        self._gone.extend(TopicPartition(*partition) for partition in revoked)

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        if self.pause_assigned:
            self.pause(*assigned)

    def take(self) -> frozenset[TopicPartition]:
        """Returns the partitions that were revoked since the last call."""
        gone = frozenset(self._gone)
        self._gone.clear()
        return gone


def to_record(raw: Any) -> Record:
    """Converts the library's record."""
    headers = tuple((str(name), bytes(value or b"")) for name, value in raw.headers)
    topic_partition, by_broker = (raw.topic, raw.partition, raw.offset), raw.timestamp_type == LOG_APPEND_TIME
    if isinstance(raw.value, UnparsedValue):
        flawed = raw.value
        return Record(
            *topic_partition,
            raw.key,
            bytes(flawed),
            raw.timestamp,
            headers,
            flawed.parse_error,
            flawed.truncation,
            by_broker=by_broker,
        )
    return Record(*topic_partition, raw.key, raw.value, raw.timestamp, headers, by_broker=by_broker)
