r"""Records that the library can't parse become records with a flaw, and reading continues after them.

kafka-python 3.0 raises at such a record, keeps the exhausted parser of that fetch, and then calls it without end inside
one `poll`. It also decompresses a batch as a whole, whatever its size. So its parser gets batches here that never break
off and are parsed record by record (`record_parser`), and is dropped if it fails nevertheless. This module uses the
parser's internals: `Fetcher.PartitionRecords`, and the bytes of a batch.

- A header's name that is not UTF-8, which brokers accept, has `\xNN` for each invalid byte.
- A record that is invalid otherwise has its raw bytes as its value, and the reason as its flaw.
- A batch whose records can't be separated is likewise one record, at the last of its offsets.
- Of a value beyond an event's size, the first bytes are kept, with its length and its hash.
- A wrong checksum may be a transmission error. The batch is fetched again, and only then has a flaw.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from kafka import errors
from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecord
from kafka.structs import TopicPartition as KafkaPartition

from consumer.kafka.fetch.record_parser import parse_legacy_records, parse_records, unparsed_record
from consumer.processing.record import TopicPartition

MAX_FETCHES: Final = 5
"""Fetches of a batch with a wrong checksum, after which it counts as damaged on the broker."""

V2: Final = 2
"""The batch format since Kafka 0.11; older formats have no first offset."""

NO_TIMESTAMP: Final = -1
"""Kafka's timestamp of a record without one."""


def install_tolerant_parser(consumer: Any) -> None:
    """Makes a `KafkaConsumer` continue after records that it can't parse.

    Its `poll` may raise `CorruptRecordError` while a batch with a wrong checksum is fetched again, and as long as a
    batch does not state where it ends; but it returns in time.
    """
    made = partial(_PartitionRecords, _ChecksumRetries(consumer._subscription))  # noqa: SLF001 -- see the module's docstring
    consumer._fetcher.PartitionRecords = made  # noqa: SLF001


class _ChecksumRetries:
    """Counter of fetches of the batches with a wrong checksum.

    Args:
        subscription: The library's, for the end of a partition.
    """

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription
        self._tries: dict[KafkaPartition, tuple[int, int]] = {}

    def skip_after_retries(
        self, topic_partition: KafkaPartition, batch: Any, first: int, following: int | None
    ) -> None:
        """Returns if a batch was fetched often enough and states where it ends.

        Args:
            topic_partition: The partition.
            batch: The batch with the wrong checksum.
            first: The first of its offsets to be read.
            following: Offset at which the next batch begins, if the fetch has it.

        Raises:
            CorruptRecordError: The batch is to be fetched again.
        """
        at, tries = self._tries.get(topic_partition, (batch.base_offset, 0))
        tries = tries + 1 if at == batch.base_offset else 1
        self._tries[topic_partition] = (batch.base_offset, tries)
        where = f"{TopicPartition(*topic_partition)}@{first}: the batch's checksum is wrong"
        if tries < MAX_FETCHES:
            raise errors.CorruptRecordError(f"{where}; it is fetched again, {MAX_FETCHES} times in all")
        state = self._subscription.assignment.get(topic_partition)
        end = following if following is not None else getattr(state, "highwater", None)
        # The range of offsets may itself be damaged, and a group at a wrong offset loses more than a batch.
        last = _last_offset(batch)
        if end is None or not first <= last < end:
            raise errors.CorruptRecordError(
                f"{where}, and its last offset {last} is impossible; repair the broker's disk, or reset the group to an"
                " offset after it"
            )


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc] # the library has no types
    """The library's parser of a partition's fetch."""

    def __init__(
        self,
        checksums: _ChecksumRetries,
        fetch_offset: int,
        topic_partition: KafkaPartition,
        records: Any,
        **kwargs: Any,
    ) -> None:
        self._checksums = checksums
        self.size: int = records.size_in_bytes()
        super().__init__(fetch_offset, topic_partition, records, **kwargs)

    def take(self, n: int | None = None) -> list[Any]:
        """Returns the next records; after a failure the parser is drained, and the rest is fetched again."""
        try:
            found: list[Any] = super().take(n)
        except errors.KafkaError:
            self.drain()
            raise
        except Exception as error:
            self.drain()
            where = f"{TopicPartition(*self.topic_partition)}@{self.next_fetch_offset}"
            raise errors.CorruptRecordError(f"{where}: the batch can't be read: {error!r}") from error
        return found

    def _unpack_records(self, tp: KafkaPartition, records: Any, *deserializers: Any) -> Iterator[Any]:
        found: Iterator[Any] = super()._unpack_records(tp, _Batches(self, records), *deserializers)
        return found

    def skip_after_retries(self, batch: Any, following: int | None = None) -> int:
        """Calls `_Checksums.skip_after_retries` for the current batch; returns the first of its offsets to be read."""
        first: int = max(self.fetch_offset, self.next_fetch_offset)
        self._checksums.skip_after_retries(self.topic_partition, batch, first, following)
        return first


class _Batches:
    """The batches of a fetch, none of which breaks off."""

    def __init__(self, parser: _PartitionRecords, records: Any) -> None:
        self._parser = parser
        self._records = records
        self._ended = False

    def next_batch(self) -> Any:
        """Returns the next batch; None after the last."""
        batch = None if self._ended else self._records.next_batch()
        if batch is None:
            return None
        if not self._parser.check_crcs or batch.validate_crc():
            return _Batch(self._parser, batch)
        # The following batches are fetched again, since this one may have begun or ended a transaction.
        self._ended = True
        following = self._records.next_batch()
        first = self._parser.skip_after_retries(batch, None if following is None else following.base_offset)
        return _DamagedBatch(batch, first)


class _Batch:
    """A batch whose header the library parses, and whose records are parsed here."""

    def __init__(self, parser: _PartitionRecords, batch: Any) -> None:
        self._parser = parser
        self._batch = batch
        self._raw = memoryview(batch._buffer)  # noqa: SLF001 -- see the module
        self._damaged = False if parser.check_crcs else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # the library calls it for a control batch, and iterates over all others

    def validate_crc(self) -> bool:
        """Returns True; the checksum was compared before."""
        return True

    def __iter__(self) -> Iterator[Any]:
        """Yields its records; the last one has a flaw if the rest can't be parsed."""
        offset = self._batch.base_offset
        try:
            for record in self._records():
                yield record
                offset = record.offset + 1
        except Exception as error:  # noqa: BLE001 -- each codec raises errors of its own
            self._verify_checksum()
            yield _batch_as_record(self._batch, self._raw, offset, self._time_ms(), f"can't be separated: {error!r}")

    def _records(self) -> Iterator[Any]:
        if self._batch.magic == V2:
            header = self._batch.HEADER_STRUCT.size
            return parse_records(self._batch, self._raw[header:], self._time_ms())
        return parse_legacy_records(self._batch, self._raw, check=self._parser.check_crcs)

    def _verify_checksum(self) -> None:
        """Returns if its bytes are as written, or were fetched often enough."""
        if self._damaged is None:
            self._damaged = not MemoryRecords(bytes(self._raw)).next_batch().validate_crc()
            if self._damaged:
                self._parser.skip_after_retries(self._batch)

    def _time_ms(self) -> int:
        known = self._batch.magic == V2 and not self._damaged
        return int(self._batch.max_timestamp) if known else NO_TIMESTAMP


class _DamagedBatch:
    """A batch with a wrong checksum as one record with a flaw, and of none of the library's special kinds."""

    magic = 0

    def __init__(self, batch: Any, first: int) -> None:
        self._batch = batch
        self._first = first

    def validate_crc(self) -> bool:
        """Returns True, so that the library does not stop at it."""
        return True

    def __iter__(self) -> Iterator[DefaultRecord]:
        """Yields the one record."""
        raw = self._batch._buffer  # noqa: SLF001 -- the compressed bytes
        yield _batch_as_record(
            self._batch, raw, self._first, NO_TIMESTAMP, "are damaged (the batch's checksum is wrong)"
        )


def _last_offset(batch: Any) -> int:
    last: int = batch.last_offset if batch.magic == V2 else batch.base_offset
    return last


def _batch_as_record(batch: Any, raw: Any, first: int, time_ms: int, what: str) -> DefaultRecord:
    """Returns a batch as one record at its last offset, so that no commit lies within it."""
    last = _last_offset(batch)
    parse_error = f"the records at offsets {min(first, last)} to {last} {what}; the value has their whole batch"
    return unparsed_record(last, time_ms, bytes(raw), parse_error)
