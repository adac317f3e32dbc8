"""Where records come from: a group's share of a topic's partitions, and what of it has been committed.

A rebalance takes partitions away while `poll` or `heartbeat` runs, and at no other time. Which ones is told to
`on_revoked`; what of them is in hand but not committed is dropped, because their new owner gets it again. So it is when
a topic was made anew, or has lost its end: its partitions are gone, and begin again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import Any, cast

from kafka import ConsumerRebalanceListener, KafkaConsumer, errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaPartition

from consumer.config.settings import KafkaSettings
from consumer.errors import UsageError
from consumer.kafka.client_options import client_options, talking
from consumer.kafka.connectivity import require_reachable
from consumer.kafka.fetch.fetch_limits import FETCH_BYTES, PARTITION_BYTES, bound_fetches
from consumer.kafka.fetch.record_parser import LOG_APPEND_TIME, Unreadable
from consumer.kafka.fetch.tolerant_fetcher import read_on
from consumer.kafka.offset_reset import LIBRARY_POLICY, Positions
from consumer.processing.ports import OnLost, OnRevoked
from consumer.processing.record import Record, TopicPartition

COMMIT_TIMEOUT_S = 15.0
"""How long one commit may take before it is tried again; the library's own default waits for half a minute."""

REJOIN_S = 5.0
"""How long one call takes part in a rebalance that does not end, because another member is busy."""


def _ignore(*_: object) -> None:
    """Nobody listens yet."""


class KafkaSource:
    """A member of a group on Kafka: cooperative-sticky, so that a rebalance stops only what moves.

    The library joins, revokes and assigns while the caller waits in `poll`, but on its own thread, where a commit would
    wait for itself. So what is revoked is noted there, and told to `on_revoked` on the caller's thread before records
    are given.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: Any = None
        self._positions: Positions  # made with the consumer
        self._changes = _Changes()
        self._on_revoked: OnRevoked = _ignore
        self._given: dict[TopicPartition, int] = {}

    def subscribe(self, on_revoked: OnRevoked, on_lost: OnLost = _ignore) -> None:
        """Joins the group, after finding out in words whether it can.

        Raises:
            UsageError: Name, certificate, password, permission or topic are wrong.
            TransientError: The broker can't be reached now.
        """
        self._on_revoked = on_revoked
        if self._consumer is not None:
            return
        # The library tries for ever with a wrong password and says no more than that it was disconnected.
        require_reachable(self._settings)
        with self._talking("joining the group"):
            consumer = KafkaConsumer(**consumer_options(self._settings))
            consumer.subscribe([self._settings.topic], listener=self._changes)
        read_on(consumer)
        bound_fetches(consumer)
        self._changes.pause = consumer.pause
        self._positions = Positions(consumer, self._settings, on_lost, on_revoked)
        self._consumer = consumer

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """The next records, in order within each partition."""
        self._changes.hold = False
        if paused := self._consumer.paused():
            self._consumer.resume(*paused)
        with self._talking("reading"):
            self._positions.watch()
            self._rejoin()
            found = self._fetch(timeout_s, max_records)
            if not found:  # otherwise what is found might be revoked before it is given
                self._rejoin()
        self._tell()
        given = [record_of(raw) for records in found.values() for raw in records]
        self._given.update({record.place: record.offset + 1 for record in given})
        return given

    def heartbeat(self, timeout_s: float) -> None:
        """Polls with everything paused; what is assigned meanwhile is paused too."""
        self._changes.hold = True
        self._consumer.pause(*self._consumer.assignment())
        with self._talking("keeping the membership"):
            self._rejoin()
            found = self._fetch(timeout_s, 1)
            for partition, records in found.items():
                # It was assigned and fetched within one poll, before it could be paused; take it again later.
                self._consumer.seek(partition, records[0].offset)
            self._rejoin()
        self._tell()

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits and waits for the answer.

        Raises:
            TransientError: A rebalance is under way or the broker is away. Poll or heartbeat, then commit what is left.
        """
        named = {
            KafkaPartition(*place): OffsetAndMetadata(self._behind(place, offset), "", -1)
            for place, offset in offsets.items()
        }
        with self._talking("committing"):
            self._consumer.commit(named, timeout_ms=int(COMMIT_TIMEOUT_S * 1000))

    def close(self) -> None:
        """Leaves the group."""
        if self._consumer is None:
            return
        consumer, self._consumer = self._consumer, None
        with self._talking("leaving the group"):
            consumer.close(autocommit=False, timeout_ms=int(COMMIT_TIMEOUT_S * 1000))

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records behind the high watermark."""
        return self._positions.lag() if self._consumer is not None else {}

    def is_member(self) -> bool:
        """Whether the group counts it in, with a share of the partitions that may be empty; asks nobody."""
        consumer = self._consumer
        return consumer is not None and bool(consumer._coordinator.stable())  # noqa: SLF001 -- not public

    def _fetch(self, timeout_s: float, max_records: int) -> Mapping[KafkaPartition, list[Any]]:
        try:
            return cast(
                "Mapping[KafkaPartition, list[Any]]",
                self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=max_records),
            )
        except errors.KafkaError as error:
            self._positions.mend(error)
            return {}

    def _behind(self, place: TopicPartition, offset: int) -> int:
        """An offset to commit; moved behind what nobody is given, such as the marks of transactions.

        Or the group would seem to lag behind for as long as no other record comes.
        """
        return max(offset, self._positions.position(place)) if offset == self._given.get(place) else offset

    def _rejoin(self) -> None:
        """Lets a rebalance end within one call.

        The library forgets the answer to its wish to join if it comes between two polls. Then it asks again, so that
        members who poll for moments, with writes between them, would send each other through one rebalance after the
        other; or, if the wish came from new metadata, it does not ask again and is out of the group without knowing it.
        """
        coordinator = self._consumer._coordinator  # noqa: SLF001 -- what a poll does, but not cut off by its timeout
        if coordinator.rejoining or coordinator.need_rejoin():
            coordinator.request_rejoin()
            coordinator.ensure_active_group(timeout_ms=int(REJOIN_S * 1000))

    def _tell(self) -> None:
        if gone := self._changes.take():
            self._on_revoked(gone)

    def _talking(self, what: str) -> AbstractContextManager[None]:
        return talking(f"{what} of topic {self._settings.topic} as group {self._settings.group_id}", self._settings)


def consumer_options(settings: KafkaSettings) -> dict[str, Any]:
    """The keyword arguments of a `KafkaConsumer`.

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
        "auto_offset_reset": LIBRARY_POLICY,
        # What a transaction took back is no event.
        "isolation_level": "read_committed",
        "metadata_max_age_ms": int(settings.metadata_max_age_s * 1000),
        "partition_assignment_strategy": (CooperativeStickyAssignor,),
        "session_timeout_ms": int(settings.session_timeout_s * 1000),
        "heartbeat_interval_ms": int(settings.heartbeat_interval_s * 1000),
        "max_poll_interval_ms": int(settings.max_poll_interval_s * 1000),
        "fetch_max_wait_ms": 250,
        "fetch_max_bytes": FETCH_BYTES,
        "max_partition_fetch_bytes": PARTITION_BYTES,
        "check_crcs": checks_crcs(settings),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def checks_crcs(settings: KafkaSettings) -> bool:
    """Whether each batch's checksum is compared when it is read."""
    if settings.check_crcs == "auto":
        # In Python it costs 0.08 ms for each KB, which is more than all else that is done with an event.
        return find_spec("crc32c") is not None
    return settings.check_crcs == "always"


class _Changes(ConsumerRebalanceListener):  # type: ignore[misc] # the library has no types
    """Notes what a rebalance takes; runs on the library's thread while the caller waits in `poll`."""

    def __init__(self) -> None:
        self._gone: deque[TopicPartition] = deque()
        self.hold = False
        self.pause: Callable[..., None] = _ignore

    def on_partitions_revoked(self, revoked: Iterable[KafkaPartition]) -> None:
        self._gone.extend(TopicPartition(*partition) for partition in revoked)

    def on_partitions_assigned(self, assigned: Iterable[KafkaPartition]) -> None:
        if self.hold:
            self.pause(*assigned)

    def take(self) -> frozenset[TopicPartition]:
        """What is gone since it was last asked."""
        gone = frozenset(self._gone)
        self._gone.clear()
        return gone


def record_of(raw: Any) -> Record:
    """The library's record as ours."""
    headers = tuple((str(name), bytes(value or b"")) for name, value in raw.headers)
    place, by_broker = (raw.topic, raw.partition, raw.offset), raw.timestamp_type == LOG_APPEND_TIME
    if isinstance(raw.value, Unreadable):
        flawed = raw.value
        return Record(
            *place, raw.key, bytes(flawed), raw.timestamp, headers, flawed.flaw, flawed.cut, by_broker=by_broker
        )
    return Record(*place, raw.key, raw.value, raw.timestamp, headers, by_broker=by_broker)
