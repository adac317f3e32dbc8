"""A broker inside the process: topics, groups and rebalances as Kafka has them, in memory or in one file.

It runs what would otherwise need a cluster: the demo, a laptop, and the tests of everything behind the ports. Records
and committed offsets outlive the process if there is a file; members do not, and all members of a group are in one
process.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from consumer.errors import TransientError, UsageError
from consumer.kafka.producer import Outgoing
from consumer.kafka.record import Headers, Record, TopicPartition
from consumer.kafka.source import OnRevoked

_TABLES = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY, partitions INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    topic TEXT, "partition" INTEGER, "offset" INTEGER, key BLOB, value BLOB, timestamp_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, "partition", "offset")
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headers (
    topic TEXT, "partition" INTEGER, "offset" INTEGER, place INTEGER, name TEXT NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (topic, "partition", "offset", place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS committed (
    group_id TEXT, topic TEXT, "partition" INTEGER, "offset" INTEGER NOT NULL,
    PRIMARY KEY (group_id, topic, "partition")
) WITHOUT ROWID;
"""


@dataclass
class _Group:
    """Members in the order in which they joined, and who owns what."""

    members: list[MemorySource] = field(default_factory=list)
    owners: dict[TopicPartition, MemorySource] = field(default_factory=dict)


class Broker:
    """Topics and groups; safe for any number of threads.

    Args:
        path: A file for records and committed offsets, made if it is not there; `None` keeps them in memory.
        clock: Seconds since 1970, for the records' timestamps.

    Raises:
        UsageError: The file can't be used.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._groups: dict[tuple[str, str], _Group] = {}
        self.changed = threading.Condition(threading.RLock())
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_TABLES)
        except sqlite3.Error as error:
            raise UsageError(f"{path} can't be used as a broker's log: {error}") from error

    def create_topic(self, name: str, partitions: int = 1) -> bool:
        """Makes a topic; false if there was one of that name, which is left as it is."""
        with self.changed:
            made = self._db.execute("INSERT OR IGNORE INTO topics VALUES (?, ?)", (name, partitions))
            return made.rowcount == 1

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has.

        Raises:
            UsageError: There is no such topic.
        """
        with self.changed:
            found = self._db.execute("SELECT partitions FROM topics WHERE name = ?", (topic,)).fetchone()
        if found is None:
            raise UsageError(f"there is no topic {topic}; create it first")
        return int(found[0])

    def append(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Writes records in one transaction; a key's records go to one partition, those without to the first.

        Raises:
            TransientError: The file can't be written now.
            UsageError: There is no such topic.
        """
        count = self.partitions(topic)
        with self.changed:
            with self._transaction():
                for key, value, headers in records:
                    self._insert(topic, zlib.crc32(key) % count if key else 0, key, value, headers)
            self.changed.notify_all()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield
        except sqlite3.Error as error:
            raise TransientError(f"the broker's file can't be written: {error}") from error

    def _insert(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        place = (topic, partition, self.end(TopicPartition(topic, partition)))
        row = (*place, key, value, int(self._clock() * 1000))
        self._db.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)", row)
        rows = [(*place, number, name, data) for number, (name, data) in enumerate(headers)]
        self._db.executemany("INSERT INTO headers VALUES (?, ?, ?, ?, ?, ?)", rows)

    def read(self, place: TopicPartition, offset: int, limit: int) -> list[Record]:
        """Up to `limit` records of a partition from an offset on."""
        with self.changed:
            rows = self._db.execute(
                'SELECT "offset", key, value, timestamp_ms FROM records'
                ' WHERE topic = ? AND "partition" = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?',
                (*place, offset, limit),
            ).fetchall()
            return [Record(*place, at, key, value, stamp, self._headers(place, at)) for at, key, value, stamp in rows]

    def _headers(self, place: TopicPartition, offset: int) -> Headers:
        return tuple(
            self._db.execute(
                'SELECT name, data FROM headers WHERE topic = ? AND "partition" = ? AND "offset" = ? ORDER BY place',
                (*place, offset),
            )
        )

    def browse(self, topic: str) -> Iterator[Record]:
        """Every record of a topic, partition by partition."""
        for number in range(self.partitions(topic)):
            place = TopicPartition(topic, number)
            yield from self.read(place, 0, self.end(place))

    def end(self, place: TopicPartition) -> int:
        """The offset that the next record of a partition will have."""
        with self.changed:
            sql = 'SELECT max("offset") + 1 FROM records WHERE topic = ? AND "partition" = ?'
            return int(self._db.execute(sql, place).fetchone()[0] or 0)

    def committed(self, group_id: str, place: TopicPartition) -> int | None:
        """Where a group goes on in a partition, if it ever committed."""
        with self.changed:
            sql = 'SELECT "offset" FROM committed WHERE group_id = ? AND topic = ? AND "partition" = ?'
            found = self._db.execute(sql, (group_id, *place)).fetchone()
        return None if found is None else int(found[0])

    def commit(self, member: MemorySource, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps a member's offsets, all or none.

        Raises:
            TransientError: The member does not own one of the partitions; it must poll to learn of the rebalance.
        """
        with self.changed:
            owners = self._group(member).owners
            for place in offsets:
                if owners.get(place) is not member:
                    raise TransientError(f"{place} is no longer this member's; poll, then commit what is left")
            rows = [(member.group_id, *place, offset) for place, offset in offsets.items()]
            with self._transaction():
                self._db.executemany("INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)", rows)

    def join(self, member: MemorySource) -> None:
        """A member comes in; what becomes its share is handed over as the others poll."""
        self.partitions(member.topic)
        with self.changed:
            self._group(member).members.append(member)
            self.changed.notify_all()

    def leave(self, member: MemorySource) -> None:
        """A member goes; its partitions are free at once."""
        with self.changed:
            group = self._group(member)
            if member in group.members:
                group.members.remove(member)
            group.owners = {place: owner for place, owner in group.owners.items() if owner is not member}
            self.changed.notify_all()

    def rebalance(self, member: MemorySource) -> tuple[set[TopicPartition], set[TopicPartition]]:
        """What a member must give up, which others can have from now on, and what of the free ones it gets."""
        with self.changed:
            group = self._group(member)
            place = group.members.index(member)
            mine = range(place, self.partitions(member.topic), len(group.members))
            share = {TopicPartition(member.topic, number) for number in mine}
            owned = {place for place, owner in group.owners.items() if owner is member}
            for gone in owned - share:
                del group.owners[gone]
            new = {place for place in share if place not in group.owners}
            group.owners |= dict.fromkeys(new, member)
            if owned - share:
                self.changed.notify_all()
            return owned - share, new

    def _group(self, member: MemorySource) -> _Group:
        return self._groups.setdefault((member.group_id, member.topic), _Group())

    def close(self) -> None:
        """Closes the file."""
        with self.changed:
            self._db.close()


class MemorySource:
    """A member of a group on an embedded broker; a member that never polls keeps its partitions until it closes."""

    def __init__(
        self, broker: Broker, topic: str, group_id: str, auto_offset_reset: Literal["earliest", "latest"] = "earliest"
    ) -> None:
        self.topic = topic
        self.group_id = group_id
        self._broker = broker
        self._latest = auto_offset_reset == "latest"
        self._positions: dict[TopicPartition, int] = {}
        self._on_revoked: OnRevoked | None = None

    def subscribe(self, on_revoked: OnRevoked) -> None:
        """Joins the group."""
        if self._on_revoked is None:
            self._broker.join(self)
        self._on_revoked = on_revoked

    def poll(self, timeout_s: float, max_records: int) -> list[Record]:
        """Waits for records, or for partitions that come or go."""
        found: list[Record] = []

        def anything() -> bool:
            self._rebalance()
            for place in sorted(self._positions):
                found.extend(self._broker.read(place, self._positions[place], max_records - len(found)))
            return bool(found)

        with self._broker.changed:
            self._broker.changed.wait_for(anything, timeout_s)
        for record in found:
            self._positions[record.place] = record.offset + 1
        return found

    def heartbeat(self, timeout_s: float) -> None:
        """Takes part in rebalances and reads nothing."""

        def never() -> bool:
            self._rebalance()
            return False

        with self._broker.changed:
            self._broker.changed.wait_for(never, timeout_s)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps the offsets of the partitions that are still this member's."""
        self._broker.commit(self, offsets)

    def close(self) -> None:
        """Leaves the group."""
        self._broker.leave(self)
        self._on_revoked = None
        self._positions.clear()

    def _rebalance(self) -> None:
        revoked, new = self._broker.rebalance(self)
        for place in revoked:
            del self._positions[place]
        for place in new:
            self._positions[place] = self._beginning(place)
        if revoked:
            self._tell(revoked)

    def _beginning(self, place: TopicPartition) -> int:
        committed = self._broker.committed(self.group_id, place)
        if committed is not None:
            return committed
        return self._broker.end(place) if self._latest else 0

    def _tell(self, revoked: Collection[TopicPartition]) -> None:
        if self._on_revoked is not None:
            self._on_revoked(revoked)


class MemoryProducer:
    """Writes to an embedded broker; a record is kept when `write` returns."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def write(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Writes all or none."""
        self._broker.append(topic, records)

    def close(self) -> None:
        """Leaves the broker open, as it is not the producer's."""
