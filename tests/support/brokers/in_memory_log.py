"""The log of the embedded broker: topics, records and committed offsets, in memory or in one file."""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from consumer.errors import TransientError, UsageError
from consumer.processing.ports import Outgoing
from consumer.processing.record import Headers, Record, TopicPartition

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
CREATE TABLE IF NOT EXISTS beginnings (
    topic TEXT, "partition" INTEGER, "offset" INTEGER NOT NULL, PRIMARY KEY (topic, "partition")
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deletions (topic TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS committed (
    group_id TEXT, topic TEXT, "partition" INTEGER, "offset" INTEGER NOT NULL,
    PRIMARY KEY (group_id, topic, "partition")
) WITHOUT ROWID;
"""


class Log:
    """Topics and what is in them; safe for any number of threads.

    Attributes:
        changed: Held while anything is done; told when there is something new.

    Args:
        path: A file for records and committed offsets, made if it is not there; `None` keeps them in memory.
        clock: Seconds since 1970, for the records' timestamps.

    Raises:
        UsageError: The file can't be used.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
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
            self.changed.notify_all()
            return made.rowcount == 1

    def add_partitions(self, name: str, partitions: int) -> None:
        """Gives a topic more partitions, so that it has so many."""
        with self.changed:
            self._db.execute("UPDATE topics SET partitions = ? WHERE name = ?", (partitions, name))
            self.changed.notify_all()

    def delete_topic(self, name: str) -> None:
        """Removes a topic with all that is in it, and all that groups have committed of it."""
        with self.changed:
            with self._transaction():
                self._db.execute("DELETE FROM topics WHERE name = ?", (name,))
                for table in ("records", "headers", "beginnings", "committed"):
                    self._db.execute(f"DELETE FROM {table} WHERE topic = ?", (name,))  # noqa: S608 -- names from above
                self._db.execute(
                    "INSERT INTO deletions VALUES (?, 1) ON CONFLICT (topic) DO UPDATE SET times = times + 1", (name,)
                )
            self.changed.notify_all()

    def deletions(self, topic: str) -> int:
        """How often topics of a name were deleted; tells the topic that is there from the ones before."""
        with self.changed:
            found = self._db.execute("SELECT times FROM deletions WHERE topic = ?", (topic,)).fetchone()
        return 0 if found is None else int(found[0])

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has.

        Raises:
            UsageError: There is no such topic.
        """
        found = self._partitions(topic)
        if found is None:
            raise UsageError(f"topic {topic} does not exist; create it first")
        return found

    def exists(self, topic: str) -> bool:
        """Whether there is a topic of a name."""
        return self._partitions(topic) is not None

    def _partitions(self, topic: str) -> int | None:
        with self.changed:
            found = self._db.execute("SELECT partitions FROM topics WHERE name = ?", (topic,)).fetchone()
        return None if found is None else int(found[0])

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

    def truncate(self, place: TopicPartition, offset: int) -> None:
        """Removes what is before an offset, as retention does."""
        with self.changed, self._transaction():
            self._db.execute("INSERT OR REPLACE INTO beginnings VALUES (?, ?, ?)", (*place, offset))
            for table in ("records", "headers"):
                sql = f'DELETE FROM {table} WHERE topic = ? AND "partition" = ? AND "offset" < ?'  # noqa: S608 -- as above
                self._db.execute(sql, (*place, offset))

    def beginning(self, place: TopicPartition) -> int:
        """The least offset that retention has left in a partition."""
        with self.changed:
            sql = 'SELECT "offset" FROM beginnings WHERE topic = ? AND "partition" = ?'
            found = self._db.execute(sql, place).fetchone()
        return 0 if found is None else int(found[0])

    def end(self, place: TopicPartition) -> int:
        """The offset that the next record of a partition will have."""
        with self.changed:
            sql = 'SELECT max("offset") + 1 FROM records WHERE topic = ? AND "partition" = ?'
            return int(self._db.execute(sql, place).fetchone()[0] or self.beginning(place))

    def committed(self, group_id: str, place: TopicPartition) -> int | None:
        """Where a group goes on in a partition, if it ever committed."""
        with self.changed:
            sql = 'SELECT "offset" FROM committed WHERE group_id = ? AND topic = ? AND "partition" = ?'
            found = self._db.execute(sql, (group_id, *place)).fetchone()
        return None if found is None else int(found[0])

    def keep(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Keeps where a group goes on, all or nothing."""
        with self.changed, self._transaction():
            rows = [(group_id, *place, offset) for place, offset in offsets.items()]
            self._db.executemany("INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Closes the file."""
        with self.changed:
            self._db.close()
