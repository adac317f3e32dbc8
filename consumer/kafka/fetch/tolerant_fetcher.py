r"""What the library can't parse: it comes as a record with a flaw, and reading goes on behind it.

kafka-python 3.0 raises at such a record, keeps the parser of that fetch though it is spent, and from then on asks it
for more without end, inside one `poll`. It also unpacks a batch as a whole, whatever that comes to. So its parser gets
batches here that never break off and are read record by record (`parsing`), and is dropped if it fails all the same.
This module knows the parser from inside: `Fetcher.PartitionRecords`, and where a batch keeps its bytes.

- A header's name that is no UTF-8, which brokers let pass, is spelled with `\xNN` for each byte that is none.
- A record that is no record otherwise has its raw bytes as its value, and what is wrong with it as its flaw.
- So has a batch whose records can't be told apart: one record, at the last of its offsets.
- Of a value that is longer than an event may be, the first bytes are kept, with its length and its hash.
- Where a checksum is wrong, the fault may be on the way. The batch is fetched again, and only then has a flaw.
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

from consumer.kafka.fetch.record_parser import current_records, flawed, legacy_records
from consumer.processing.record import TopicPartition

TRIES: Final = 5
"""How often a batch with a wrong checksum is fetched until it counts as damaged where it is kept."""

V2: Final = 2
"""The format of batches since Kafka 0.11; older ones keep no first offset."""

NO_TIME: Final = -1
"""Kafka's timestamp of a record that has none."""


def read_on(consumer: Any) -> None:
    """Has a `KafkaConsumer` read on behind what it can't parse.

    Its `poll` may raise `CorruptRecordError` while a batch with a wrong checksum is fetched again, and for as long as a
    batch does not tell where it ends; but it returns in time.
    """
    made = partial(_PartitionRecords, _Checksums(consumer._subscription))  # noqa: SLF001 -- see the module
    consumer._fetcher.PartitionRecords = made  # noqa: SLF001


class _Checksums:
    """Follows the batches of a consumer whose checksums are wrong.

    Args:
        subscription: The library's, which knows how far a partition goes.
    """

    def __init__(self, subscription: Any) -> None:
        self._subscription = subscription
        self._tries: dict[KafkaPartition, tuple[int, int]] = {}

    def pass_over(self, place: KafkaPartition, batch: Any, first: int, following: int | None) -> None:
        """Returns if a batch was fetched often enough, and tells where it ends.

        Args:
            place: Where it is.
            batch: It.
            first: The first of its offsets that is wanted.
            following: Where the next batch begins, if it came along.

        Raises:
            CorruptRecordError: It is to be fetched again.
        """
        at, tries = self._tries.get(place, (batch.base_offset, 0))
        tries = tries + 1 if at == batch.base_offset else 1
        self._tries[place] = (batch.base_offset, tries)
        where = f"{TopicPartition(*place)}@{first}: the batch's checksum is wrong"
        if tries < TRIES:
            raise errors.CorruptRecordError(f"{where}; it is fetched again, {TRIES} times in all")
        state = self._subscription.assignment.get(place)
        end = following if following is not None else getattr(state, "highwater", None)
        # The range itself may be what is damaged, and a group that is sent astray loses more than a batch.
        last = _last_offset(batch)
        if end is None or not first <= last < end:
            raise errors.CorruptRecordError(
                f"{where}, and it ends at {last}, which can't be: mend the broker's disk, or give the group an offset"
                " behind it"
            )


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc] # the library has no types
    """The library's parser of what a fetch brought of a partition."""

    def __init__(
        self, checksums: _Checksums, fetch_offset: int, place: KafkaPartition, records: Any, **kwargs: Any
    ) -> None:
        self._checksums = checksums
        self.size: int = records.size_in_bytes()
        super().__init__(fetch_offset, place, records, **kwargs)

    def take(self, n: int | None = None) -> list[Any]:
        """The next records; after a failure there are none, and the rest is fetched anew."""
        try:
            found: list[Any] = super().take(n)
        except errors.KafkaError:
            self.drain()
            raise
        except Exception as error:
            self.drain()
            where = f"{TopicPartition(*self.topic_partition)}@{self.next_fetch_offset}"
            raise errors.CorruptRecordError(f"{where}: what is there can't be read: {error!r}") from error
        return found

    def _unpack_records(self, tp: KafkaPartition, records: Any, *deserializers: Any) -> Iterator[Any]:
        found: Iterator[Any] = super()._unpack_records(tp, _Batches(self, records), *deserializers)
        return found

    def pass_over(self, batch: Any, following: int | None = None) -> int:
        """As `_Checksums.pass_over`, of the batch that is being read; gives the first of its offsets that is wanted."""
        first: int = max(self.fetch_offset, self.next_fetch_offset)
        self._checksums.pass_over(self.topic_partition, batch, first, following)
        return first


class _Batches:
    """The batches of a fetch, none of which breaks off."""

    def __init__(self, parser: _PartitionRecords, records: Any) -> None:
        self._parser = parser
        self._records = records
        self._over = False

    def next_batch(self) -> Any:
        """The next one; None behind the last."""
        batch = None if self._over else self._records.next_batch()
        if batch is None:
            return None
        if not self._parser.check_crcs or batch.validate_crc():
            return _Batch(self._parser, batch)
        # What follows is fetched anew, as it may need what this one would have said of a transaction.
        self._over = True
        following = self._records.next_batch()
        first = self._parser.pass_over(batch, None if following is None else following.base_offset)
        return _Damaged(batch, first)


class _Batch:
    """A batch whose header the library reads, and whose records are read here."""

    def __init__(self, parser: _PartitionRecords, batch: Any) -> None:
        self._parser = parser
        self._batch = batch
        self._raw = memoryview(batch._buffer)  # noqa: SLF001 -- see the module
        self._damaged = False if parser.check_crcs else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)  # the library looks so into a control batch, and iterates over all others

    def validate_crc(self) -> bool:
        """Compared before."""
        return True

    def __iter__(self) -> Iterator[Any]:
        """Its records; what can't be read has a flaw, and is the last one if nothing can be read behind it."""
        offset = self._batch.base_offset
        try:
            for record in self._records():
                yield record
                offset = record.offset + 1
        except Exception as error:  # noqa: BLE001 -- codecs have errors of their own
            self._look_whether_damaged()
            yield _whole(self._batch, self._raw, offset, self._time_ms(), f"can't be told apart: {error!r}")

    def _records(self) -> Iterator[Any]:
        if self._batch.magic == V2:
            header = self._batch.HEADER_STRUCT.size
            return current_records(self._batch, self._raw[header:], self._time_ms())
        return legacy_records(self._batch, self._raw, check=self._parser.check_crcs)

    def _look_whether_damaged(self) -> None:
        """Returns if its bytes are those that were written, or were fetched often enough."""
        if self._damaged is None:
            self._damaged = not MemoryRecords(bytes(self._raw)).next_batch().validate_crc()
            if self._damaged:
                self._parser.pass_over(self._batch)

    def _time_ms(self) -> int:
        known = self._batch.magic == V2 and not self._damaged
        return int(self._batch.max_timestamp) if known else NO_TIME


class _Damaged:
    """A batch with a wrong checksum: one record with a flaw, and of none of the library's special kinds."""

    magic = 0

    def __init__(self, batch: Any, first: int) -> None:
        self._batch = batch
        self._first = first

    def validate_crc(self) -> bool:
        """Passed over."""
        return True

    def __iter__(self) -> Iterator[DefaultRecord]:
        """The one record."""
        raw = self._batch._buffer  # noqa: SLF001 -- nothing is decompressed
        yield _whole(self._batch, raw, self._first, NO_TIME, "are damaged, as the batch's checksum tells")


def _last_offset(batch: Any) -> int:
    last: int = batch.last_offset if batch.magic == V2 else batch.base_offset
    return last


def _whole(batch: Any, raw: Any, first: int, time_ms: int, what: str) -> DefaultRecord:
    """A batch as one record, at its last offset: a commit must not come to lie within it."""
    last = _last_offset(batch)
    flaw = f"the records at offsets {min(first, last)} to {last} {what}; the value is their whole batch"
    return flawed(last, time_ms, bytes(raw), flaw)
