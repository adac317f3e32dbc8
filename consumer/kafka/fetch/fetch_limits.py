"""How much the client library holds of what it fetches, and gives at once, in bytes and not in records.

The library bounds a poll by a number of records, and what it keeps by a number of bytes for each partition: hundreds of
megabytes with large records or many partitions. This module knows its `Fetcher` from inside, as `unreadable` does.
"""

from __future__ import annotations

from typing import Any, Final

from kafka import errors

from consumer.config.settings import MIB
from consumer.kafka.fetch.record_parser import Unreadable

FETCH_BYTES: Final = 8 * MIB
"""The most that a broker is asked for at once; a batch that is larger comes alone."""

PARTITION_BYTES: Final = 2 * MIB
"""The most of it that is asked for of one partition."""

HELD_BYTES: Final = 16 * MIB
"""While so many bytes of fetches wait to be read, no more are asked for."""

POLL_BYTES: Final = 8 * MIB
"""A poll ends with the record that takes what it gives to so many bytes, or what was unpacked for it."""


def bound_fetches(consumer: Any) -> None:
    """Has a `KafkaConsumer` hold and give bounded numbers of bytes; after `unreadable.read_on`."""
    fetcher = consumer._fetcher  # noqa: SLF001 -- see the module
    fetcher.fetched_records = _Polls(fetcher.fetched_records)
    all_of_them = fetcher._fetchable_partitions  # noqa: SLF001
    fetcher._fetchable_partitions = lambda: all_of_them() if held_bytes(fetcher) < HELD_BYTES else []  # noqa: SLF001


def held_bytes(fetcher: Any) -> int:
    """The bytes of fetches that are not read to their end; without those of partitions that are paused.

    A replay pauses what it has read to the end of its span, and must not wait for it.
    """
    # The library's thread calls it too, so it looks at copies, as the library does.
    waiting = sum(len(fetch.partition_data.records or b"") for fetch in fetcher._completed_fetches.copy())  # noqa: SLF001
    current = fetcher._next_partition_records  # noqa: SLF001
    return waiting + (current.size if current else 0)


class _Polls:
    """The library's `fetched_records`, asked for one record at a time until there are bytes enough."""

    def __init__(self, fetched: Any) -> None:
        self._fetched = fetched
        self._failure: Exception | None = None

    def __call__(self, max_records: int, update_offsets: bool = True) -> tuple[dict[Any, list[Any]], bool]:  # noqa: FBT001, FBT002 -- the library's signature
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        found: dict[Any, list[Any]] = {}
        partial, size = False, 0
        for _ in range(max_records):
            try:
                one, partial = self._fetched(1, update_offsets)
            except errors.KafkaError as error:
                if not found:
                    raise
                # All others come again with the next fetch; a damaged batch is counted by how often it came.
                self._failure = error if isinstance(error, errors.CorruptRecordError) else None
                break
            if not one:
                break
            for partition, records in one.items():
                found.setdefault(partition, []).extend(records)
                size += sum(map(_weight, records))
            if size >= POLL_BYTES:
                break
        return found, partial


def _weight(record: Any) -> int:
    """Bytes of a record, or of what had to be unpacked for it."""
    value = record.value
    length = value.length if isinstance(value, Unreadable) else len(value or b"")
    return int(length + max(0, record.serialized_key_size) + max(0, record.serialized_header_size))
