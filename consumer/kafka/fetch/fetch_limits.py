"""Bounds, in bytes, on what the client library buffers of its fetches and returns at once.

The library bounds a poll by a number of records, and its buffer by a number of bytes for each partition: hundreds of
megabytes with large records or many partitions. This module uses internals of its `Fetcher`, as `tolerant_fetcher`
does.
"""

from __future__ import annotations

from typing import Any, Final

from kafka import errors

from consumer.config.settings import MIB
from consumer.kafka.fetch.record_parser import UnparsedValue

MAX_FETCH_BYTES: Final = 8 * MIB
"""Bytes that a broker is asked for at once, at most; a larger batch comes alone."""

MAX_PARTITION_BYTES: Final = 2 * MIB
"""Bytes of that for one partition, at most."""

MAX_BUFFERED_BYTES: Final = 16 * MIB
"""Bytes of unread fetches at which no more are requested."""

MAX_POLL_BYTES: Final = 8 * MIB
"""Bytes of records, or decompressed for them, at which a poll ends."""


def bound_fetches(consumer: Any) -> None:
    """Bounds the buffer and the polls of a `KafkaConsumer`; called after `install_tolerant_parser`."""
    fetcher = consumer._fetcher  # noqa: SLF001 -- see the module's docstring
    fetcher.fetched_records = _BoundedPoll(fetcher.fetched_records)
    all_of_them = fetcher._fetchable_partitions  # noqa: SLF001
    fetcher._fetchable_partitions = lambda: all_of_them() if buffered_bytes(fetcher) < MAX_BUFFERED_BYTES else []  # noqa: SLF001


def buffered_bytes(fetcher: Any) -> int:
    """Returns the bytes of fetches that are not read completely, without those of paused partitions.

    A replay pauses a partition at the end of its range, and must not wait for it.
    """
    # The library's thread calls it too, so it reads copies, as the library does.
    waiting = sum(len(fetch.partition_data.records or b"") for fetch in fetcher._completed_fetches.copy())  # noqa: SLF001
    current = fetcher._next_partition_records  # noqa: SLF001
    return waiting + (current.size if current else 0)


class _BoundedPoll:
    """The library's `fetched_records`, called for one record at a time up to a number of bytes."""

    def __init__(self, fetched: Any) -> None:
        self._fetched_records = fetched
        self._failure: Exception | None = None

    def __call__(self, max_records: int, update_offsets: bool = True) -> tuple[dict[Any, list[Any]], bool]:  # noqa: FBT001, FBT002 -- the library's signature
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        found: dict[Any, list[Any]] = {}
        partial, size = False, 0
        for _ in range(max_records):
            try:
                one, partial = self._fetched_records(1, update_offsets)
            except errors.KafkaError as error:
                if not found:
                    raise
                # Other errors are raised again by the next fetch; a damaged batch is counted by its attempts.
                self._failure = error if isinstance(error, errors.CorruptRecordError) else None
                break
            if not one:
                break
            for partition, records in one.items():
                found.setdefault(partition, []).extend(records)
                size += sum(map(_record_bytes, records))
            if size >= MAX_POLL_BYTES:
                break
        return found, partial


def _record_bytes(record: Any) -> int:
    """Returns the bytes of a record, or of what was decompressed for it."""
    value = record.value
    length = value.length if isinstance(value, UnparsedValue) else len(value or b"")
    return int(length + max(0, record.serialized_key_size) + max(0, record.serialized_header_size))
